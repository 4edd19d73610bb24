/**
 * Nothing that anybody shows to the gateway as a credential is seen anywhere else: by no backend of any strategy, and in no
 * log line, answer, status, audit record or file; and no credential of a backend is seen by a client, a log or another backend.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { authorizationServer, CLIENTS } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { canaries, type Canaries, textOfFiles } from "../kit/canaries.ts"
import { linkIn } from "../kit/consenting.ts"
import { gateway } from "../kit/gateway.ts"
import { bodyOf, loopback, sendResult } from "../kit/loopback.ts"
import { MAIN } from "../kit/main.ts"
import { signedInClient } from "../kit/mcpClient.ts"
import { callText, type Headers, modernCall, post } from "../kit/wire.ts"

const SERVERS = ["open", "exchanged", "signed", "delegated", "proxied"] as const
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

/** Takes any Bearer token, keeps all that comes, and shows it to whoever hears of a failure. */
const recording = Effect.gen(function*() {
  const seen: Array<{ readonly server: string; readonly authorization: string; readonly all: string }> = []
  const { origin } = yield* loopback(() => async (request, response) => {
    const body = await bodyOf(request)
    const [, server = ""] = (request.url ?? "").split("/")
    const authorization = request.headers.authorization ?? ""
    seen.push({ server, authorization, all: `${request.url} ${request.rawHeaders.join(" ")} ${body}` })
    if (server !== "open" && authorization === "") return void response.writeHead(401, { "www-authenticate": "Bearer" }).end()
    const { id, method, params } = JSON.parse(body === "" ? "{}" : body)
    if (params?.name === "fail") return void response.writeHead(500, { "content-type": "text/plain" }).end(`you sent ${request.rawHeaders.join(" ")}`)
    if (params?.name === "refuse") return void response.writeHead(401, { "www-authenticate": `Bearer error="${authorization}"` }).end()
    const results: Readonly<Record<string, object>> = {
      "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" },
      "tools/list": { tools: ["look", "fail", "refuse"].map((name) => ({ name, inputSchema: { type: "object" } })), ttlMs: 0, cacheScope: "private" },
      "tools/call": { content: [] }
    }
    sendResult(response, id, results[String(method)])
  })
  return { seen, urlOf: (server: string) => `${origin}/${server}/mcp` }
})

const browserClient = (client_id: string, ...paths: ReadonlyArray<string>) => ({
  client_id,
  client_secret: `${client_id}-secret-of-the-gateway`,
  application_type: "native" as const,
  redirect_uris: paths.map((path) => `http://127.0.0.1${path}`),
  grant_types: ["authorization_code", "refresh_token", EXCHANGE]
})

const started = Effect.gen(function*() {
  const found = canaries()
  const home = yield* authorizationServer({ more: { clients: [browserClient("gate", "/oauth/callback")] }, scopes: ["mcp", "manifold:admin"], claims: () => ({ department: "canary-of-a-claim-8841" }) })
  const away = yield* authorizationServer({ more: { clients: [browserClient("gate-there", "/oauth/callback/delegated", "/oauth/callback/proxied")] } })
  const backends = yield* recording
  const there = { issuer: away.issuer, client_id: "gate-there", client_secret: "gate-there-secret-of-the-gateway", scopes: ["mcp", "offline_access"] }
  const partOf: Readonly<Record<typeof SERVERS[number], object>> = {
    open: { auth_strategy: "bypass_auth" },
    exchanged: { auth_strategy: "master_oauth", auth_config: { method: "token_exchange", issuer: home.issuer, client_id: CLIENTS.service.id, client_secret: CLIENTS.service.secret, audience: backends.urlOf("exchanged"), scopes: ["mcp"] } },
    signed: { auth_strategy: "master_oauth", auth_config: { method: "gateway_jwt", audience: backends.urlOf("signed") } },
    delegated: { auth_strategy: "delegate_oauth", auth_config: there },
    proxied: { auth_strategy: "proxy_oauth", auth_config: there }
  }
  const gate = yield* gateway({
    master_oauth: { provider: "oidc", issuer: home.issuer, client_id: "gate", client_secret: "gate-secret-of-the-gateway" },
    api_keys: true,
    audit: { arguments: "shape" },
    authorization_server: { clients: [{ client_id: "desk", client_name: "Desk", redirect_uris: ["http://127.0.0.1/callback"] }] },
    servers: SERVERS.map((id) => ({ id, type: "remote", url: backends.urlOf(id), ...partOf[id] }))
  }, { args: ["--log-level", "debug", "--set", "hosting.transports.sse=true"] })
  for (const secret of ["gate-secret-of-the-gateway", "gate-there-secret-of-the-gateway"]) found.add("a secret of the manifest", secret)
  found.add("a claim", "canary-of-a-claim-8841")
  const { origin } = new URL(gate.url)
  /** All that clients and browsers were answered, but for forms that a browser has to send back. */
  const answers: Array<string> = []
  const call = async (name: string, headers: Headers, query = "", url = gate.url) => {
    const modern = modernCall(name)
    const reply = await post(url + query, modern.body, { ...modern.headers, ...headers })
    const legacy = await post(url + query, callText(name), { "mcp-session-id": "canary-of-a-session-5521", ...headers })
    answers.push(reply.text, JSON.stringify(reply.headers), legacy.text, JSON.stringify(legacy.headers))
    return reply
  }
  return { ...gate, origin, home, away, backends, found, answers, call }
})

type Started = Effect.Success<typeof started>

/** A browser of which everything that passes through it is a canary. */
const watched = ({ found, origin }: Pick<Started, "found" | "origin">, user: string) =>
  userBrowser(user, {
    heard: (url, response) => {
      if (url.startsWith(origin)) for (const cookie of response.headers.getSetCookie()) found.add("a cookie", /=([^;]*)/u.exec(cookie)?.[1] ?? "")
      const location = response.headers.get("location")
      const to = location === null ? undefined : new URL(location, url)
      for (const name of ["code", "state", "code_verifier", "nonce", "ticket"]) found.add(`${name} of an authorization`, to?.searchParams.get(name) ?? "")
    }
  })

const tools = (server: string) => ["look", "fail", "refuse"].map((tool) => `${server}__${tool}`)

/** Everything that a caller could send as a credential beside the one that counts. */
const besides = (found: Canaries): Headers => {
  const headers = {
    cookie: "session=canary-of-a-cookie-1177",
    "proxy-authorization": "Basic Y2FuYXJ5LW9mLWEtcHJveHk6OTk=",
    "x-forwarded-authorization": "Bearer canary-forwarded-3312",
    "x-upstream-authorization": "canary-upstream-9927",
    "x-amzn-oidc-data": "canary-of-a-balancer-6633"
  }
  for (const [name, value] of Object.entries(headers)) found.add(name, value.replace(/^(?:session=|Basic |Bearer )/u, ""))
  found.add("a session", "canary-of-a-session-5521")
  return headers
}

const asUser = async (gate: Started, token: string) => {
  const headers = { ...besides(gate.found), authorization: `Bearer ${token}` }
  const link = linkIn((await until(() => gate.call("delegated__look", headers), ({ text }) => text.includes("/oauth/connect"))).text)
  // The address is for this client; what is behind it is nobody else's.
  gate.answers.length = 0
  gate.found.add("a ticket", new URL(link).searchParams.get("ticket") ?? "")
  const page = await watched(gate, "ada").open(link)
  assert.include(page.html, "is connected")
  gate.answers.push(page.html)
  for (const server of SERVERS.filter((id) => id !== "proxied")) {
    await until(() => gate.call(`${server}__look`, headers), ({ message }) => message?.result?.["isError"] !== true && message?.result !== undefined)
    for (const name of tools(server)) await gate.call(name, headers)
  }
}

const atProxied = async (gate: Started) => {
  const url = `${gate.origin}/servers/proxied/mcp`
  const one = await signedInClient({ url, era: "modern", browser: watched(gate, "ada"), clientId: "desk" })
  gate.found.add("the gateway's own token", one.held.tokens?.access_token ?? "")
  gate.found.add("the gateway's own refresh token", one.held.tokens?.refresh_token ?? "")
  await one.client.close()
  const headers = { ...besides(gate.found), authorization: `Bearer ${one.held.tokens?.access_token}` }
  for (const name of ["look", "fail", "refuse"]) await gate.call(name, headers, "", url)
  // In the wrong place it is as foreign as any.
  await gate.call("open__look", headers)
}

const asMachine = async (gate: Started) => {
  const made = await promisify(execFile)(process.execPath, [MAIN, "keys", "create", "--name", "robot", "--json", "--scopes", "manifold:admin", "--manifest", gate.manifest])
  const key = String(JSON.parse(made.stdout).key)
  gate.found.add("an API key", key)
  const headers = { ...besides(gate.found), "x-api-key": key }
  await until(() => gate.call("open__look", headers), ({ status }) => status === 200)
  for (const name of SERVERS.flatMap(tools)) await gate.call(name, headers)
  return key
}

/** Everywhere a credential can be wrong. */
const refused = async (gate: Started, others: ReadonlyArray<string>) => {
  const { answers, call, found, origin } = gate
  const wrong = ["canary.of-an-opaque.token-4455", "mfk_canary-of-a-key-2299887766", "mft_canary-of-an-own-token-887766", ...others]
  for (const secret of wrong) {
    found.add("a credential that does not count", secret)
    await call("open__look", { ...besides(found), authorization: `Bearer ${secret}` })
    await call("open__look", { authorization: `Basic ${secret}` })
    await call("open__look", { "x-api-key": secret, authorization: `Bearer ${secret}` })
    await call("open__look", {}, `?access_token=${secret}`)
    const form = new URLSearchParams({ grant_type: "authorization_code", code: secret, code_verifier: secret, client_id: "desk", client_secret: secret, refresh_token: secret, token: secret })
    for (const path of ["token", "revoke"]) answers.push(await (await fetch(`${origin}/oauth/${path}`, { method: "POST", body: form })).text())
    for (const path of [`connect?ticket=${secret}`, `callback?code=${secret}&state=${secret}`, `callback/delegated?code=${secret}&state=${secret}&iss=${secret}`, `callback?error=access_denied&error_description=${secret}&state=${secret}`]) {
      answers.push(await (await fetch(`${origin}/oauth/${path}`, { headers: { cookie: `sign-in=${secret}` } })).text())
    }
    answers.push(await (await fetch(`${origin}/sse?access_token=${secret}`, { headers: { authorization: `Bearer ${secret}` } })).text())
  }
}

describe("a credential that somebody shows to the gateway", () => {
  it.live("is seen by no backend, log, answer, status, audit record or file, whatever becomes of it; nor is what the gateway shows to a backend", () =>
    Effect.gen(function*() {
      const gate = yield* started
      const { away, backends, found, home, origin } = gate
      const granted = yield* home.forUser("ada", { audience: gate.url, scopes: ["mcp", "manifold:admin"] })
      const elsewhere = yield* home.forUser("ada", { audience: "https://elsewhere.example.com/mcp" })
      const foreign = yield* away.forUser("ada", { audience: gate.url })
      for (const { access_token, id_token = "", refresh_token = "" } of [granted, elsewhere, foreign]) {
        for (const secret of [access_token, id_token, refresh_token]) found.add("a token of an issuer", secret)
      }
      yield* Effect.promise(async () => {
        await asUser(gate, granted.access_token)
        await atProxied(gate)
        const key = await asMachine(gate)
        await refused(gate, [elsewhere.access_token, foreign.access_token, granted.id_token ?? "", `${granted.access_token}x`])
        // What the gateway showed to a backend is that backend's alone, and no client's.
        const shown = new Map(backends.seen.filter(({ authorization }) => authorization !== "").map(({ authorization, server }) => [authorization, server]))
        const admin = await Promise.all(["servers", "activity", "fingerprints"].map(async (path) => (await fetch(`${origin}/api/v1/${path}`, { headers: { "x-api-key": key } })).text()))
        await new Promise((written) => setTimeout(written, 700))
        const places = {
          backends: backends.seen.map(({ all }) => all).join("\n"),
          logs: gate.stderr(),
          answers: gate.answers.join("\n"),
          status: admin.join("\n"),
          files: textOfFiles(join(gate.directory, "data"))
        }
        assert.isAbove(found.count(), 200)
        for (const server of SERVERS) assert.isTrue(backends.seen.some((one) => one.server === server && one.all.includes("tools/call")), `${server} was called`)
        assert.include(places.files, `"event":"call"`, "the audit is written")
        for (const [place, text] of Object.entries(places)) {
          // Claims go along in tokens that the issuer itself makes for a backend.
          assert.deepStrictEqual(found.foundIn(text).filter((what) => place !== "backends" || what !== "a claim"), [], place)
        }
        const own = canaries()
        for (const [authorization, server] of shown) own.add(`what ${server} is shown`, authorization.replace(/^Bearer /u, ""))
        for (const [place, text] of Object.entries({ ...places, backends: "" })) assert.deepStrictEqual(own.foundIn(text), [], place)
        for (const { all, authorization, server } of backends.seen) assert.isTrue(authorization === "" || shown.get(authorization) === server, all)
      })
    }).pipe(Effect.scoped))
})
