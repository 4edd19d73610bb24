/** The provider oidc with a real authorization server: its own grants, its own keys, its own revocation. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { authorizationServer, CLIENTS } from "../../kit/authorizationServer.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const AUDIENCE = "https://gw.example.com/mcp"
const introspection = { client_id: CLIENTS.resource.id, client_secret: CLIENTS.resource.secret }
const web = { client_id: CLIENTS.web.id, client_secret: CLIENTS.web.secret }

describe("the provider oidc at a real authorization server", () => {
  it.live("takes the token that a user got for us by signing in, and none that is for somebody else", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const provider = yield* builtProvider("oidc", { issuer: server.issuer })
      const { access_token, id_token = "" } = yield* server.forUser("ada", { audience: AUDIENCE, scopes: ["mcp", "read"] })
      const identity = yield* provider.validate(Redacted.make(access_token), AUDIENCE)
      assert.strictEqual(identity.subject, "ada")
      assert.strictEqual(identity.clientId, CLIENTS.web.id)
      assert.sameMembers([...identity.scopes].filter((scope) => scope === "mcp" || scope === "read"), ["mcp", "read"])
      assert.strictEqual(yield* verdictOn(provider, access_token, "https://other.example.com/mcp"), "audience")
      assert.strictEqual(yield* verdictOn(provider, id_token, CLIENTS.web.id), "type")
    }).pipe(Effect.provide(providerHost)))

  it.live("takes the token of a machine, and an exchanged one only where it was exchanged for", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const provider = yield* builtProvider("oidc", { issuer: server.issuer })
      server.settings.life = 120
      const machine = yield* server.forService({ audience: AUDIENCE })
      const { claims: { exp, iat, sub } } = yield* provider.validate(Redacted.make(machine.access_token), AUDIENCE)
      assert.deepStrictEqual([Number(exp) - Number(iat), sub], [120, CLIENTS.service.id])

      const user = yield* server.forUser("ada", { audience: AUDIENCE })
      const exchanged = yield* server.exchanged(user.access_token, { audience: "https://b.example.com/mcp" })
      const { claims, subject } = yield* provider.validate(Redacted.make(exchanged.access_token), "https://b.example.com/mcp")
      assert.strictEqual(subject, "ada")
      assert.deepStrictEqual(claims["act"], { sub: CLIENTS.service.id })
      assert.strictEqual(yield* verdictOn(provider, exchanged.access_token, AUDIENCE), "audience")
    }).pipe(Effect.provide(providerHost)))

  it.live("goes along when the keys rotate: the new one counts at once, a withdrawn one no more", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const provider = yield* builtProvider("oidc", { issuer: server.issuer })
      const before = yield* server.forService({ audience: AUDIENCE })
      assert.strictEqual(yield* verdictOn(provider, before.access_token, AUDIENCE), "good")
      yield* server.rotateKeys("withdraw")
      const after = yield* server.forService({ audience: AUDIENCE })
      assert.strictEqual(yield* verdictOn(provider, after.access_token, AUDIENCE), "good")
      assert.strictEqual(yield* verdictOn(provider, before.access_token, AUDIENCE), "signature")
    }).pipe(Effect.provide(providerHost)))

  it.live("takes known keys while the server is down, and lets nobody in with an opaque token then", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const plain = yield* builtProvider("oidc", { issuer: server.issuer })
      const asking = yield* builtProvider("oidc", { issuer: server.issuer, introspection })
      const jwt = yield* server.forService({ audience: AUDIENCE })
      server.settings.format = "opaque"
      const opaque = yield* server.forUser("ada", { audience: AUDIENCE })
      assert.strictEqual(yield* verdictOn(plain, jwt.access_token, AUDIENCE), "good")
      assert.strictEqual(yield* verdictOn(asking, opaque.access_token, AUDIENCE), "good")

      yield* server.down
      assert.strictEqual(yield* verdictOn(plain, jwt.access_token, AUDIENCE), "good")
      assert.strictEqual(yield* verdictOn(asking, opaque.access_token, AUDIENCE), "unavailable")
      yield* server.comeBack
      assert.strictEqual(yield* verdictOn(asking, opaque.access_token, AUDIENCE), "good")
    }).pipe(Effect.provide(providerHost)))

  it.live("takes an opaque token only where it may ask, and no more once it is revoked", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      server.settings.format = "opaque"
      const plain = yield* builtProvider("oidc", { issuer: server.issuer })
      const asking = yield* builtProvider("oidc", { issuer: server.issuer, introspection })
      const { access_token } = yield* server.forUser("ada", { audience: AUDIENCE })
      assert.strictEqual(yield* verdictOn(plain, access_token, AUDIENCE), "malformed")
      assert.strictEqual(server.introspections(), 0)

      const identity = yield* asking.validate(Redacted.make(access_token), AUDIENCE)
      assert.strictEqual(identity.subject, "ada")
      assert.strictEqual(asking.believedFor, 5000)
      assert.strictEqual(yield* verdictOn(asking, access_token, "https://other.example.com/mcp"), "audience")
      assert.strictEqual(yield* verdictOn(asking, "made-up", AUDIENCE), "inactive")

      yield* server.revoke(access_token)
      assert.strictEqual(yield* verdictOn(asking, access_token, AUDIENCE), "inactive")
      assert.strictEqual(server.introspections(), 4)
    }).pipe(Effect.provide(providerHost)))

  it.live("takes a JWT by its keys where the server does not answer questions about JWTs", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const provider = yield* builtProvider("oidc", { issuer: server.issuer, introspection })
      const { access_token } = yield* server.forService({ audience: AUDIENCE })
      assert.strictEqual(yield* verdictOn(provider, access_token, AUDIENCE), "good")
      assert.strictEqual(server.introspections(), 1)
    }).pipe(Effect.provide(providerHost)))

  it.live("refreshes once with a refresh token, and no second time with the same", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const provider = yield* builtProvider("oidc", { issuer: server.issuer, ...web })
      const { refresh_token = "" } = yield* server.forUser("ada", { audience: AUDIENCE })
      const tokens = yield* provider.refresh(Redacted.make(refresh_token))
      assert.strictEqual(yield* verdictOn(provider, Redacted.value(tokens.accessToken), AUDIENCE), "good")
      assert.isAbove(tokens.expires ?? 0, Date.now() / 1000)
      assert.notStrictEqual(tokens.refreshToken && Redacted.value(tokens.refreshToken), refresh_token)
      const again = yield* Effect.flip(provider.refresh(Redacted.make(refresh_token)))
      assert.strictEqual(again._tag, "TokenRefused")
      assert.notInclude(String(again) + JSON.stringify(again), refresh_token)
    }).pipe(Effect.provide(providerHost)))

  it.live("does not take a wrong client secret for a fault of the token", () =>
    Effect.gen(function*() {
      const server = yield* authorizationServer()
      const wrong = { client_id: CLIENTS.web.id, client_secret: "hunter2" }
      const provider = yield* builtProvider("oidc", { issuer: server.issuer, ...wrong, introspection: wrong })
      const failed = yield* Effect.flip(provider.refresh(Redacted.make("any")))
      assert.strictEqual(failed.message, `The issuer ${server.issuer} gave no token: it answered 401 invalid_client`)
      assert.strictEqual(yield* verdictOn(provider, "opaque", AUDIENCE), "unavailable")
    }).pipe(Effect.provide(providerHost)))
})
