/** The other methods of master_oauth: a token that the gateway signs, identity across authorization servers, and a client without a secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { freePort } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"
import { resourceServer } from "../kit/resourceServer.ts"
import { modernCall, post, type Reply, textOf } from "../kit/wire.ts"

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const callerAt = (url: string) => (token: string): Promise<Reply> => {
  const { body, headers } = modernCall("back__who")
  return post(url, body, { ...headers, authorization: `Bearer ${token}` })
}

describe("a server with gateway_jwt", () => {
  it.live("gets a short token that the gateway signed about the caller, which the gateway itself takes from nobody", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const base = `http://127.0.0.1:${port}`
      const home = yield* authorizationServer()
      const backend = yield* resourceServer(base, "modern", "/oauth/jwks")
      const gate = yield* gateway({
        master_oauth: { provider: "oidc", issuer: home.issuer },
        servers: [{ id: "back", type: "remote", url: backend.url, auth_strategy: "master_oauth", auth_config: { method: "gateway_jwt", audience: backend.url, scopes: ["read"] } }]
      }, { port })
      const { access_token } = yield* home.forUser("ada", { audience: gate.url })
      yield* Effect.promise(async () => {
        const call = callerAt(gate.url)
        const who = JSON.parse(textOf(await until(() => call(access_token), ({ message }) => message?.result !== undefined)))
        assert.deepInclude(who, { sub: "ada", scope: "read" })
        const token = backend.seen().at(-1)?.replace("Bearer ", "") ?? ""
        const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${base}/oauth/jwks`)), { issuer: base, audience: backend.url })
        assert.isAtMost((payload.exp ?? 0) - (payload.iat ?? 0), 600)
        assert.strictEqual(decodeProtectedHeader(token).typ, "at+jwt")
        assert.strictEqual((await call(token)).status, 401)
        const described = Object(await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json())
        assert.deepInclude(described, { issuer: base, jwks_uri: `${base}/oauth/jwks` })
        const { keys } = await (await fetch(`${base}/oauth/jwks`)).json() as { readonly keys: ReadonlyArray<object> }
        for (const key of keys) assert.notProperty(key, "d", "no private half is published")
      })
    }).pipe(Effect.scoped))
})

describe("a server with id_jag", () => {
  it.live("is told who the caller is by the issuer where that user signed in, and by nobody before the user did", () =>
    Effect.gen(function*() {
      const idp = yield* authorizationServer({
        more: {
          clients: [{
            client_id: "gate",
            client_secret: "gate-secret",
            application_type: "native",
            redirect_uris: ["http://127.0.0.1/oauth/callback"],
            grant_types: ["authorization_code", "refresh_token", EXCHANGE]
          }]
        }
      })
      const away = yield* authorizationServer({
        trusts: idp.issuer,
        more: { clients: [{ client_id: "gate-there", client_secret: "gate-there-secret", redirect_uris: [], response_types: [], grant_types: [BEARER] }] }
      })
      const backend = yield* resourceServer(away.issuer)
      const gate = yield* gateway({
        master_oauth: { provider: "oidc", issuer: idp.issuer, client_id: "gate", client_secret: "gate-secret" },
        servers: [{
          id: "back",
          type: "remote",
          url: backend.url,
          auth_strategy: "master_oauth",
          auth_config: {
            method: "id_jag",
            issuer: away.issuer,
            client_id: "gate-there",
            client_secret: "gate-there-secret",
            audience: backend.url,
            scopes: ["mcp"],
            idp: { issuer: idp.issuer, client_id: "gate", client_secret: "gate-secret" }
          }
        }]
      }, { args: ["--log-level", "debug"] })
      const [ada, bob] = yield* Effect.all(["ada", "bob"].map((user) => Effect.map(idp.forUser(user, { audience: gate.url }), ({ access_token }) => access_token)))
      yield* Effect.promise(async () => {
        const call = callerAt(gate.url)
        const link = /http:\S+ticket=[\w-]+/u.exec(textOf(await until(() => call(ada ?? ""), ({ text }) => text.includes("/oauth/connect"))))?.[0] ?? ""
        const page = await userBrowser("ada").open(link)
        assert.include(page.html, "is connected", `${page.html}${gate.stderr().slice(-1500)}`)
        const reply = await until(() => call(ada ?? ""), ({ text }) => !text.includes("/oauth/connect"))
        assert.deepInclude(JSON.parse(textOf(reply)), { sub: "ada", client: "gate-there", scope: "mcp" })
        assert.include((await call(bob ?? "")).text, "/oauth/connect", "who did not sign in is nobody")
      })
    }).pipe(Effect.scoped))
})

describe("client credentials with private_key_jwt", () => {
  it.live("need no secret: the authorization server checks what the gateway signs by the keys that it publishes", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const jwks_uri = `http://127.0.0.1:${port}/oauth/jwks`
      const home = yield* authorizationServer()
      const away = yield* authorizationServer({
        more: {
          fetch: (url) => fetch(url),
          clients: [{
            client_id: "gate-there",
            token_endpoint_auth_method: "private_key_jwt",
            token_endpoint_auth_signing_alg: "ES256",
            jwks_uri,
            redirect_uris: [],
            response_types: [],
            grant_types: ["client_credentials"]
          }]
        }
      })
      const backend = yield* resourceServer(away.issuer)
      const auth_config = { method: "client_credentials", issuer: away.issuer, client_id: "gate-there", client_authentication: "private_key_jwt", audience: backend.url, scopes: ["mcp"] }
      const gate = yield* gateway({
        master_oauth: { provider: "oidc", issuer: home.issuer },
        servers: [{ id: "back", type: "remote", url: backend.url, auth_strategy: "master_oauth", auth_config }]
      }, { port })
      const { access_token } = yield* home.forUser("ada", { audience: gate.url })
      const reply = yield* Effect.promise(() => until(() => callerAt(gate.url)(access_token), ({ message }) => message?.result !== undefined))
      assert.strictEqual(JSON.parse(textOf(reply)).client, "gate-there")
    }).pipe(Effect.scoped))
})
