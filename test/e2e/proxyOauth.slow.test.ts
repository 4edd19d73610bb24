/** The strategy proxy_oauth: consent at the backend is a part of the client's own authorization, which the gateway gives; real clients, a real authorization server behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { type SignedInClient, signedInClient } from "../kit/mcpClient.ts"
import { resourceServer } from "../kit/resourceServer.ts"
import { modernCall, post } from "../kit/wire.ts"

const client = (client_id: string, path: string) => ({
  client_id,
  client_secret: `${client_id}-secret`,
  application_type: "native" as const,
  redirect_uris: [`http://127.0.0.1${path}`],
  grant_types: ["authorization_code", "refresh_token"]
})

interface Wanted {
  /** Whether users sign in at the gateway first. */
  readonly home: boolean
  readonly scopes?: ReadonlyArray<string>
}

const started = Effect.fnUntraced(function*({ home: hasHome, scopes = ["mcp", "offline_access"] }: Wanted) {
  const home = yield* authorizationServer({ more: { clients: [client("gate", "/oauth/callback")] } })
  const away = yield* authorizationServer({ more: { clients: [client("gate-there", "/oauth/callback/back")] } })
  const backend = yield* resourceServer(away.issuer)
  const gate = yield* gateway({
    ...(hasHome ? { master_oauth: { provider: "oidc", issuer: home.issuer, client_id: "gate", client_secret: "gate-secret" } } : {}),
    authorization_server: { clients: [{ client_id: "desk", client_name: "Desk", redirect_uris: ["http://127.0.0.1/callback"] }] },
    servers: [{
      id: "back",
      type: "remote",
      url: backend.url,
      auth_strategy: "proxy_oauth",
      auth_config: { issuer: away.issuer, client_id: "gate-there", client_secret: "gate-there-secret", scopes }
    }]
  }, { args: ["--log-level", "debug"] })
  const { origin } = new URL(gate.url)
  return { ...gate, home, away, backend, own: `${origin}/servers/back/mcp` }
})

const whoIs = async ({ client }: SignedInClient) =>
  JSON.parse(textOf(await until(() => client.callTool({ name: "who", arguments: {} }), ({ isError }) => isError !== true)))

/** What the endpoint says to a token. */
const statusFor = (url: string, token: string | undefined, name = "who") => {
  const { body, headers } = modernCall(name)
  return post(url, body, { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) })
}

describe("a server whose consent is a part of the client's authorization", () => {
  for (const era of ["legacy", "modern"] as const) {
    it.live(`is called with the token of the user who consented on the way, and the client gets one of the gateway's own (${era})`, () =>
      Effect.gen(function*() {
        const { away, backend, own, stderr } = yield* started({ home: true })
        const browser = userBrowser("ada")
        yield* Effect.promise(async () => {
          const one = await signedInClient({ url: own, era, browser, clientId: "desk" })
          assert.deepInclude(await whoIs(one), { sub: "ada", client: "gate-there" })
          assert.deepStrictEqual((await one.client.listTools()).tools.map(({ name }) => name), ["who", "write"])
          const token = one.held.tokens?.access_token ?? ""
          assert.match(token, /^mft_/u)
          assert.notInclude(backend.seen().join("\n"), token)
          for (const sent of backend.seen().filter((text) => text !== "")) {
            assert.notInclude(JSON.stringify(one.held), sent.slice(-40), "the client never sees the backend's token")
            assert.notInclude(stderr(), sent.slice(-40))
          }
          const consents = away.count("GET /auth")
          const again = await signedInClient({ url: own, era, browser, clientId: "desk" })
          assert.strictEqual((await whoIs(again)).sub, "ada")
          assert.strictEqual(away.count("GET /auth"), consents, "what was granted before is used")
          await Promise.all([one, again].map((each) => each.client.close()))
        })
      }).pipe(Effect.scoped))
  }

  it.live("takes the gateway's own tokens for its endpoint and no other, and says where to get them", () =>
    Effect.gen(function*() {
      const { away, backend, home, own, url } = yield* started({ home: true })
      const one = yield* Effect.promise(() => signedInClient({ url: own, era: "modern", browser: userBrowser("ada"), clientId: "desk" }))
      const others = yield* Effect.all([
        home.forUser("ada", { audience: own }),
        home.forUser("ada", { audience: url }),
        away.forUser("ada", { audience: backend.url }),
        away.forUser("ada", { audience: own })
      ])
      yield* Effect.promise(async () => {
        const [atHome, forAll, ...rest] = others.map(({ access_token }) => access_token)
        for (const token of [undefined, atHome, forAll, ...rest]) assert.strictEqual((await statusFor(own, token)).status, 401)
        assert.strictEqual((await statusFor(url, one.held.tokens?.access_token, "back__who")).status, 401, "nor is it one for all servers")
        const { origin } = new URL(url)
        const place = `${origin}/.well-known/oauth-protected-resource/servers/back/mcp`
        assert.include(String((await statusFor(own, undefined)).headers["www-authenticate"]), place)
        assert.deepInclude(await (await fetch(place)).json(), { resource: own, authorization_servers: [origin] })
        // Who signed in is the same at the endpoint of all servers.
        assert.include((await until(() => statusFor(url, forAll, "back__who"), ({ text }) => text.includes("ada"))).text, "ada")
        await one.client.close()
      })
    }).pipe(Effect.scoped))

  it.live("keeps users apart, and a client out whose user did not consent there", () =>
    Effect.gen(function*() {
      const { own } = yield* started({ home: true })
      yield* Effect.promise(async () => {
        const [ada, bob] = await Promise.all(["ada", "bob"].map((user) => signedInClient({ url: own, era: "modern", browser: userBrowser(user), clientId: "desk" })))
        if (ada === undefined || bob === undefined) throw new Error("not signed in")
        const who = await Promise.all([ada, bob, bob, ada].map(async (one) => (await whoIs(one)).sub))
        assert.deepStrictEqual(who, ["ada", "bob", "bob", "ada"])
        await Promise.all([ada, bob].map(({ client }) => client.close()))
        const refusing = userBrowser("eve", { refuses: "/interaction/" })
        const refused = await signedInClient({ url: own, era: "modern", browser: refusing, clientId: "desk" }).then(() => "in", String)
        assert.include(refused, "access_denied")
      })
    }).pipe(Effect.scoped))

  it.live("has its client authorize anew when what the user granted is gone, and lets nothing through meanwhile", () =>
    Effect.gen(function*() {
      const { backend, own } = yield* started({ home: true, scopes: ["mcp"] })
      yield* Effect.promise(async () => {
        const browser = userBrowser("ada")
        const one = await signedInClient({ url: own, era: "modern", browser, clientId: "desk" })
        await whoIs(one)
        const token = one.held.tokens?.access_token
        // There is no refresh token: what is revoked is gone.
        backend.revokeSeen()
        const calls = backend.calls()
        assert.include((await statusFor(own, token)).text, "authorize your client anew")
        await until(() => statusFor(own, token), ({ status }) => status === 401, 6)
        assert.isAtMost(backend.calls(), calls + 1)
        const again = await signedInClient({ url: own, era: "modern", browser, clientId: "desk" })
        assert.strictEqual((await whoIs(again)).sub, "ada")
        await again.client.close()
      })
    }).pipe(Effect.scoped))

  it.live("says itself who its users are where nobody signs them in at the gateway", () =>
    Effect.gen(function*() {
      const { own } = yield* started({ home: false, scopes: ["openid", "mcp", "offline_access"] })
      yield* Effect.promise(async () => {
        const [ada, bob] = await Promise.all(["ada", "bob"].map((user) => signedInClient({ url: own, era: "modern", browser: userBrowser(user), clientId: "desk" })))
        if (ada === undefined || bob === undefined) throw new Error("not signed in")
        assert.deepStrictEqual([(await whoIs(ada)).sub, (await whoIs(bob)).sub], ["ada", "bob"])
        assert.strictEqual((await statusFor(own, undefined)).status, 401, "though other endpoints are open to who is on this machine")
        await Promise.all([ada, bob].map(({ client }) => client.close()))
      })
    }).pipe(Effect.scoped))
})
