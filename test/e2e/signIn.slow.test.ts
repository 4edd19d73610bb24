/** Who may call: tokens of a real authorization server at the gateway's own endpoints, over each way in, and what of them is seen elsewhere. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { WebSocket } from "ws"
import { authorizationServer, CLIENTS } from "../kit/authorizationServer.ts"
import { moodyBackend } from "../kit/backend.ts"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { modernCall, post, session } from "../kit/wire.ts"

const SCOPES = ["mcp", "manifold:admin"]

const guarded = Effect.fnUntraced(function*(more: object = {}) {
  const server = yield* authorizationServer({ scopes: SCOPES })
  const backend = yield* moodyBackend("well")
  const gate = yield* gateway({
    master_oauth: { provider: "oidc", issuer: server.issuer, required_scopes: ["mcp"], ...more },
    servers: [
      { id: "far", type: "remote", url: backend.url, auth_strategy: "bypass_auth" },
      { id: "near", type: "local", path: resolve("test/fixtures/servers/watched.mjs"), auth_strategy: "bypass_auth" }
    ]
  }, { args: ["--set", "hosting.transports.sse=true", "--set", "hosting.transports.websocket=true", "--log-level", "debug"] })
  const { origin } = new URL(gate.url)
  const call = async (token: string | undefined, url = gate.url, name = "far__session") => {
    const { body, headers } = modernCall(name)
    return post(url, body, { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) })
  }
  const tokenOf = (user: string, audience = gate.url, scopes = ["mcp"]) =>
    Effect.map(server.forUser(user, { audience, scopes }), ({ access_token }) => access_token)
  const first = yield* tokenOf("first")
  for (const name of ["far__session", "near__heard"]) {
    yield* Effect.promise(() => until(() => call(first, gate.url, name), ({ message }) => message?.result !== undefined))
  }
  return { ...gate, origin, server, backend, call, tokenOf }
})

describe("the endpoint of a gateway with sign-in", () => {
  it.live("tells who brings nothing where to sign in, and lets in who did", () =>
    Effect.gen(function*() {
      const { call, origin, server, tokenOf, url } = yield* guarded()
      const ada = yield* tokenOf("ada")
      yield* Effect.promise(async () => {
        const refused = await call(undefined)
        assert.strictEqual(refused.status, 401)
        const challenge = String(refused.headers["www-authenticate"])
        const address = `${origin}/.well-known/oauth-protected-resource/mcp`
        assert.strictEqual(challenge, `Bearer resource_metadata="${address}", scope="mcp"`)
        for (const where of [address, `${origin}/.well-known/oauth-protected-resource`]) {
          assert.deepInclude(await (await fetch(where)).json(), { resource: url, authorization_servers: [server.issuer], scopes_supported: ["mcp"] })
        }
        assert.strictEqual((await call(ada)).status, 200)
      })
    }).pipe(Effect.scoped))

  it.live("takes tokens for itself alone: not for another resource, nor for the endpoint of one server, nor the other way round", () =>
    Effect.gen(function*() {
      const { call, origin, tokenOf, url } = yield* guarded()
      const own = `${origin}/servers/far/mcp`
      const [all, one, other] = yield* Effect.all([tokenOf("ada"), tokenOf("ada", own), tokenOf("ada", "https://elsewhere.example.com/mcp")])
      yield* Effect.promise(async () => {
        const statuses = [await call(all, own, "session"), await call(one, own, "session"), await call(one, url), await call(other, url)]
        assert.deepStrictEqual(statuses.map(({ status }) => status), [401, 200, 401, 401])
        const challenge = String((await call(undefined, own, "session")).headers["www-authenticate"])
        assert.include(challenge, `resource_metadata="${origin}/.well-known/oauth-protected-resource/servers/far/mcp"`)
        assert.include(await (await fetch(`${origin}/.well-known/oauth-protected-resource/servers/far/mcp`)).text(), `"resource":"${own}"`)
      })
    }).pipe(Effect.scoped))

  it.live("asks for every scope at once of who has too few, and keeps operators' ways for operators", () =>
    Effect.gen(function*() {
      const { call, origin, tokenOf } = yield* guarded()
      const [few, user, operator] = yield* Effect.all([
        tokenOf("ada", undefined, ["manifold:admin"]),
        tokenOf("ada"),
        tokenOf("root", undefined, ["mcp", "manifold:admin"])
      ])
      yield* Effect.promise(async () => {
        const refused = await call(few)
        assert.strictEqual(refused.status, 403)
        assert.match(String(refused.headers["www-authenticate"]), /scope="mcp", error="insufficient_scope"/u)
        const status = async (token?: string) => {
          const answer = await fetch(`${origin}/api/v1/servers`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
          return answer.status
        }
        assert.deepStrictEqual([await status(), await status(user), await status(operator)], [401, 403, 200])
        assert.strictEqual((await fetch(`${origin}/health/live`)).status, 200)
      })
    }).pipe(Effect.scoped))

  it.live("gives a session to who opened it, and to nobody else with a token of their own", () =>
    Effect.gen(function*() {
      const { tokenOf, url } = yield* guarded()
      const [ada, bob] = yield* Effect.all([tokenOf("ada"), tokenOf("bob")])
      const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
      yield* Effect.promise(async () => {
        const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"w","version":"1"}}}`
        const opened = await post(url, initialize, { authorization: `Bearer ${ada}` })
        const id = { "mcp-session-id": String(opened.headers["mcp-session-id"]) }
        const statuses = await Promise.all([ada, bob].map(async (token) => (await post(url, list, { ...id, authorization: `Bearer ${token}` })).status))
        assert.deepStrictEqual(statuses, [200, 404])
        assert.strictEqual((await post(url, list, id)).status, 401)
        await assertRejects(session(url))
      })
    }).pipe(Effect.scoped))

  it.live("is guarded on each way in: HTTP+SSE and WebSocket too", () =>
    Effect.gen(function*() {
      const { origin, tokenOf } = yield* guarded()
      const ada = yield* tokenOf("ada")
      yield* Effect.promise(async () => {
        assert.strictEqual((await fetch(`${origin}/sse`)).status, 401)
        const over = new AbortController()
        const open = await fetch(`${origin}/sse`, { headers: { authorization: `Bearer ${ada}` }, signal: over.signal })
        assert.strictEqual(open.status, 200)
        over.abort()
        const connected = (headers: Record<string, string>) =>
          new Promise<string>((done) => {
            const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`, "mcp", { headers })
            socket.on("open", () => (done("open"), socket.close()))
            socket.on("unexpected-response", (_, { headers, statusCode }) => done(`${statusCode} ${headers["www-authenticate"] !== undefined}`))
            socket.on("error", () => {})
          })
        assert.strictEqual(await connected({}), "401 true")
        assert.strictEqual(await connected({ authorization: `Bearer ${ada}` }), "open")
      })
    }).pipe(Effect.scoped))

  it.live("ends what stays open with the credential that it was opened with", () =>
    Effect.gen(function*() {
      const { origin, server, tokenOf, url } = yield* guarded()
      server.settings.life = 4
      const ada = yield* tokenOf("ada")
      const authorization = `Bearer ${ada}`
      yield* Effect.promise(async () => {
        const began = performance.now()
        const listen = modernCall("x")
        const body = listen.body.replace("tools/call", "subscriptions/listen").replace(`"name":"x","arguments":{}`, `"notifications":{"toolsListChanged":true}`)
        const headers = { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen", authorization }
        const streams = await Promise.all([fetch(`${origin}/sse`, { headers: { authorization } }), fetch(url, { method: "POST", body, headers })])
        const ends = streams.map((stream) => stream.text().then((text) => text, () => "cut off"))
        const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`, "mcp", { headers: { authorization } })
        const closed = new Promise((done) => socket.on("close", done))
        const [, heard] = await Promise.all(ends)
        await closed
        assert.include(heard, `"resultType":"complete"`)
        assert.isBelow(performance.now() - began, 8000)
      })
    }).pipe(Effect.scoped))

  it.live("serves the official client in both eras, after the issuer has changed its keys as before", () =>
    Effect.gen(function*() {
      const { server, tokenOf, url } = yield* guarded()
      // Once: keys are fetched anew at most every half minute, whatever tokens name.
      yield* server.rotateKeys("keep")
      for (const mode of ["legacy", { pin: "2026-07-28" }] as const) {
        const token = yield* tokenOf("ada")
        const text = yield* Effect.promise(async () => {
          const client = new Client({ name: "signed in", version: "1" }, { versionNegotiation: { mode } })
          await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
          const called = await client.callTool({ name: "near__heard", arguments: {} })
          await client.close()
          return textOf(called)
        })
        assert.isString(text)
      }
    }).pipe(Effect.scoped))

  it.live("shows no token to any backend, log or status", () =>
    Effect.gen(function*() {
      const gate = yield* guarded()
      const tokens = yield* Effect.forEach(["ada", "bob"], (user) => gate.tokenOf(user, undefined, ["mcp", "manifold:admin"]))
      yield* Effect.promise(async () => {
        for (const token of [...tokens, "not.a.token", `${tokens[0]}x`]) await gate.call(token)
        const seen = [
          JSON.stringify(gate.backend.headers()),
          gate.stderr(),
          await (await fetch(`${gate.origin}/api/v1/servers`, { headers: { authorization: `Bearer ${tokens[0]}` } })).text(),
          (await gate.call(`${tokens[0]}x`)).text
        ].join("\n")
        for (const token of tokens) assert.notInclude(seen, token.slice(token.lastIndexOf(".") + 1))
        assert.notInclude(seen, "not.a.token")
      })
    }).pipe(Effect.scoped))
})

describe("opaque tokens", () => {
  it.live("are asked about, and refused within five seconds after they were revoked", () =>
    Effect.gen(function*() {
      const { call, server, tokenOf } = yield* guarded({ introspection: { client_id: CLIENTS.resource.id, client_secret: CLIENTS.resource.secret } })
      server.settings.format = "opaque"
      const ada = yield* tokenOf("ada")
      assert.strictEqual((yield* Effect.promise(() => call(ada))).status, 200)
      const asked = server.introspections()
      yield* Effect.promise(() => Promise.all([1, 2, 3].map(() => call(ada))))
      assert.strictEqual(server.introspections(), asked, "a moment ago is soon enough")
      yield* server.revoke(ada)
      yield* Effect.promise(() => until(() => call(ada), ({ status }) => status === 401, 6))
    }).pipe(Effect.scoped))
})

describe("a manifest that changes who may call", () => {
  it.live("is in force at once, and sign-in that cannot be built leaves everything as it was", () =>
    Effect.gen(function*() {
      const { call, rewrite, server, stderr, tokenOf } = yield* guarded()
      const ada = yield* tokenOf("ada")
      const signIn = (more: object) => ({ master_oauth: { provider: "oidc", issuer: server.issuer, ...more }, servers: [] })
      yield* Effect.promise(async () => {
        rewrite(signIn({ required_scopes: ["mcp", "manifold:admin"] }))
        await until(() => call(ada), ({ status }) => status === 403)
        rewrite(signIn({ no_such_key: 1 }))
        await until(async () => stderr(), (text) => /Who may call stays as it was|not in force/u.test(text))
        assert.strictEqual((await call(ada)).status, 403)
        rewrite({ servers: [] })
        await until(() => call(undefined), ({ status }) => status !== 401)
      })
    }).pipe(Effect.scoped))
})

const assertRejects = async (attempt: Promise<{ readonly id: string }>) =>
  assert.strictEqual(await attempt.then(({ id }) => id, () => "refused"), "undefined")

