/** The gateway as its clients' authorization server, with a real one as its upstream, real clients in both eras, and a user's browser. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { loopback, sendJson } from "../kit/loopback.ts"
import { RETURN, signedInClient, type SignedInClient } from "../kit/mcpClient.ts"
import { givingTokens } from "../kit/ownTokens.ts"
import { modernCall, post } from "../kit/wire.ts"

const heard = async ({ client }: SignedInClient) =>
  textOf(await until(() => client.callTool({ name: "near__heard", arguments: {} }).catch(starting), ({ isError }) => isError !== true))

/** The server may not be there yet; who is not let in hears that. */
const starting = (cause: unknown) => {
  if (!String(cause).includes("Unknown tool")) throw cause
  return { isError: true, content: [] }
}

const VERIFIER = "v".repeat(43)
const usual = {
  response_type: "code",
  client_id: "desk",
  redirect_uri: RETURN,
  state: "s",
  code_challenge_method: "S256",
  code_challenge: createHash("sha256").update(VERIFIER).digest("base64url")
}

const asked = (origin: string, more: object = {}) =>
  `${origin}/oauth/authorize?${new URLSearchParams({ ...usual, resource: `${origin}/mcp`, ...more })}`

const traded = async (origin: string, form: Record<string, string>) => {
  const all = { grant_type: "authorization_code", client_id: "desk", redirect_uri: RETURN, code_verifier: VERIFIER, ...form }
  const response = await fetch(`${origin}/oauth/token`, { method: "POST", body: new URLSearchParams(all) })
  return { status: response.status, body: Object(await response.json()) as Record<string, string> }
}

describe("a client of a gateway that gives tokens itself", () => {
  for (const era of ["legacy", "modern"] as const) {
    it.live(`is let in by its user once, refreshes by itself, and has to ask again when that was taken back (${era})`, () =>
      Effect.gen(function*() {
        const { origin, server, url } = yield* givingTokens()
        const browser = userBrowser("ada")
        yield* Effect.promise(async () => {
          const first = await signedInClient({ url, era, browser, clientId: "desk" })
          assert.isString(await heard(first))
          assert.strictEqual(first.asked(), 1)
          assert.match(first.held.tokens?.access_token ?? "", /^mft_[\w-]{49}$/u)
          assert.strictEqual(first.held.tokens?.scope, "mcp")

          const signIns = server.count("GET /auth")
          const again = await signedInClient({ url, era, browser, clientId: "desk" })
          assert.isString(await heard(again))
          assert.strictEqual(server.count("GET /auth"), signIns, "the browser is signed in already")

          const before = first.held.tokens
          first.held.tokens = before && { ...before, access_token: "mft_gone" }
          assert.isString(await heard(first))
          assert.strictEqual(first.asked(), 1, "no user was needed")
          assert.notStrictEqual(first.held.tokens?.refresh_token, before?.refresh_token)

          const last = first.held.tokens
          await fetch(`${origin}/oauth/revoke`, { method: "POST", body: new URLSearchParams({ client_id: "desk", token: last?.refresh_token ?? "" }) })
          const { body, headers } = modernCall("near__heard")
          const call = () => post(url, body, { ...headers, authorization: `Bearer ${last?.access_token}` })
          await until(call, ({ status }) => status === 401, 6)
          assert.isString(await heard(again), "what another one got stays")
          await Promise.all([first, again].map(({ client }) => client.close()))
        })
      }).pipe(Effect.scoped))
  }

  it.live("may be known by a document of its own, or register, where the manifest says so", () =>
    Effect.gen(function*() {
      const far = yield* loopback((origin) => (_, response) =>
        sendJson(response, 200, { client_id: `${origin}/client.json`, client_name: "Far", redirect_uris: ["http://127.0.0.1/callback"] }))
      const described = yield* givingTokens({ registration: "cimd" })
      const dynamic = yield* givingTokens({ registration: "dynamic" })
      yield* Effect.promise(async () => {
        // The SDK itself shows only documents at https addresses.
        const id = `${far.origin}/client.json`
        const one = await signedInClient({ url: described.url, era: "modern", browser: userBrowser("ada"), clientId: id })
        assert.isString(await heard(one))
        const two = await signedInClient({ url: dynamic.url, era: "legacy", browser: userBrowser("ada") })
        assert.match(two.held.information?.client_id ?? "", /^dyn_/u)
        assert.isString(await heard(two))
        await Promise.all([one, two].map(({ client }) => client.close()))
      })
    }).pipe(Effect.scoped))

  it.live("with a secret proves itself by it", () =>
    Effect.gen(function*() {
      const { url } = yield* givingTokens()
      yield* Effect.promise(async () => {
        const one = await signedInClient({ url, era: "modern", browser: userBrowser("ada"), clientId: "web", clientSecret: "the secret of web" })
        assert.isString(await heard(one))
        await one.client.close()
      })
    }).pipe(Effect.scoped))
})

describe("what a gateway gives", () => {
  it.live("is for one endpoint and one use: a code that comes twice ends it, a wrong verifier or address gets nothing", () =>
    Effect.gen(function*() {
      const { origin, url } = yield* givingTokens()
      const browser = userBrowser("ada")
      yield* Effect.promise(async () => {
        const codeFor = async (more: object = {}) => new URL((await browser.open(asked(origin, more), RETURN)).url).searchParams.get("code") ?? ""
        const call = async (address: string, token: string | undefined, name: string) => {
          const { body, headers } = modernCall(name)
          return (await post(address, body, { ...headers, authorization: `Bearer ${token}` })).status
        }
        const code = await codeFor()
        const { body: { access_token } } = await traded(origin, { code })
        const statuses = [await call(url, access_token, "near__heard"), await call(`${origin}/servers/near/mcp`, access_token, "heard")]
        assert.deepStrictEqual(statuses, [200, 401])
        assert.strictEqual((await traded(origin, { code })).body["error"], "invalid_grant")
        await until(() => call(url, access_token, "near__heard"), (status) => status === 401, 6)

        const own = await traded(origin, { code: await codeFor({ resource: `${origin}/servers/near/mcp` }) })
        assert.strictEqual(await call(`${origin}/servers/near/mcp`, own.body["access_token"], "heard"), 200)
        const wrong = [{ code_verifier: "w".repeat(43) }, { redirect_uri: "http://127.0.0.1:1/callback" }, { client_id: "web", client_secret: "the secret of web" }]
        for (const more of wrong) assert.strictEqual((await traded(origin, { code: await codeFor(), ...more })).body["error"], "invalid_grant")
      })
    }).pipe(Effect.scoped))

  it.live("is not given to an address that is not registered, nor without a challenge, nor in another browser, nor from another issuer", () =>
    Effect.gen(function*() {
      const { origin, server } = yield* givingTokens()
      yield* Effect.promise(async () => {
        const [ada, eve] = [userBrowser("ada"), userBrowser("eve")]
        const elsewhere = await ada.open(asked(origin, { redirect_uri: "https://evil.example.com/" }))
        assert.deepStrictEqual([elsewhere.status, elsewhere.url.startsWith(origin)], [400, true])
        const plain = new URL((await ada.open(asked(origin, { code_challenge_method: "plain" }), RETURN)).url)
        assert.deepStrictEqual(Object.fromEntries(plain.searchParams), { error: "invalid_request", state: "s", iss: origin })

        const back = (await ada.open(asked(origin), `${origin}/oauth/callback`)).url
        assert.strictEqual((await eve.open(back)).status, 400, "another browser")
        const other = new URL(back)
        other.searchParams.set("iss", "https://evil.example.com")
        const refused = await ada.open(other.href)
        assert.strictEqual(refused.status, 400, "another issuer")
        assert.notInclude(refused.html, "evil")
        other.searchParams.delete("iss")
        assert.strictEqual((await ada.open(other.href)).status, 400, "no issuer, though the upstream names itself")
        assert.include((await ada.open(back, RETURN)).url, "code=")
        assert.isAbove(server.count("POST /token"), 0)
      })
    }).pipe(Effect.scoped))

  it.live("is in no log, and neither is what the upstream gave; who allowed what is in the audit, without it", () =>
    Effect.gen(function*() {
      const { directory, origin, server, stderr, url } = yield* givingTokens()
      yield* Effect.promise(async () => {
        const one = await signedInClient({ url, era: "modern", browser: userBrowser("ada"), clientId: "web", clientSecret: "the secret of web" })
        await heard(one)
        await traded(origin, { code: "made up", client_id: "web", client_secret: "the secret of web" })
        const { access_token = "?", refresh_token = "?" } = one.held.tokens ?? {}
        for (const secret of [access_token, refresh_token, "the secret of web", "gateway-secret", "eyJ"]) assert.notInclude(stderr(), secret)
        assert.include(stderr(), "A user allowed a client")

        const records = () => readdirSync(join(directory, "data/audit")).map((name) => readFileSync(join(directory, "data/audit", name), "utf8")).join("")
        const audited = await until(async () => records(), (text) => text.includes(`"client_tokens"`))
        const subject = `ada@${server.issuer}`
        for (const event of ["sign_in", "client_consent", "client_tokens"]) {
          const line = audited.split("\n").find((each) => each.includes(`"event":"${event}"`)) ?? "{}"
          assert.deepInclude(JSON.parse(line), { issuer: origin, subject })
        }
        for (const secret of [access_token, refresh_token, "the secret of web", "eyJ"]) assert.notInclude(audited, secret)
        await one.client.close()
      })
    }).pipe(Effect.scoped))

  it.live("ends when users sign in elsewhere, as the manifest says while it runs", () =>
    Effect.gen(function*() {
      const one = yield* givingTokens()
      const other = yield* givingTokens()
      yield* Effect.promise(async () => {
        const client = await signedInClient({ url: one.url, era: "legacy", browser: userBrowser("ada"), clientId: "desk" })
        await heard(client)
        one.rewrite(other.text)
        const { body, headers } = modernCall("near__heard")
        const call = () => post(one.url, body, { ...headers, authorization: `Bearer ${client.held.tokens?.access_token}` })
        await until(call, ({ status }) => status === 401)
        await client.client.close()
      })
    }).pipe(Effect.scoped))
})
