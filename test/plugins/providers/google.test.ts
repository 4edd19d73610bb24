/** The provider google with a server that speaks as Google does. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { CLIENT, google, tokenInfo } from "../../kit/google.ts"
import { newKey } from "../../kit/issuer.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const AUDIENCE = "https://gw.example.com/mcp"
const SUBJECT = "110169484474386276334"
const now = () => Math.floor(Date.now() / 1000)

const idTokens: ReadonlyArray<readonly [title: string, claims: Record<string, unknown>, expected: string]> = [
  ["for our client", {}, "good"],
  ["for another client", { aud: "5678-def.apps.googleusercontent.com" }, "audience"],
  ["for the address of the gateway instead of our client", { aud: AUDIENCE }, "audience"],
  ["of another issuer", { iss: "https://accounts.google.com.evil.example.com" }, "issuer"],
  ["that has expired", { iat: now() - 4000, exp: now() - 400 }, "expired"],
  ["that lives for a day", { exp: now() + 86_400 }, "lifetime"],
  ["of nobody", { sub: undefined }, "subject"]
]

const accessTokens: ReadonlyArray<readonly [title: string, info: Record<string, string>, expected: string]> = [
  ["that was given to our client", {}, "good"],
  ["that was given to another client", { aud: "5678-def.apps.googleusercontent.com" }, "audience"],
  ["that was given to another client by ours", { azp: CLIENT.client_id, aud: "5678-def.apps.googleusercontent.com" }, "audience"],
  ["that has expired", { exp: String(now() - 61) }, "expired"],
  ["whose end nobody can read", { exp: "soon" }, "unavailable"]
]

describe("the provider google", () => {
  for (const [title, claims, expected] of idTokens) {
    it.live(`${expected === "good" ? "accepts" : "refuses"} an ID token ${title}${expected === "good" ? "" : ` (${expected})`}`, () =>
      Effect.gen(function*() {
        const server = yield* google
        const provider = yield* builtProvider("google", server.config)
        const token = yield* Effect.promise(() => server.idToken(claims))
        assert.strictEqual(yield* verdictOn(provider, token, AUDIENCE), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  for (const [title, info, expected] of accessTokens) {
    it.live(`${expected === "good" ? "accepts" : "refuses"} an access token ${title}${expected === "good" ? "" : ` (${expected})`}`, () =>
      Effect.gen(function*() {
        const server = yield* google
        server.tokens.set("ya29.a0", tokenInfo(info))
        assert.strictEqual(yield* verdictOn(yield* builtProvider("google", server.config), "ya29.a0", AUDIENCE), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("sees one user behind an ID token of either spelling of the issuer and an access token", () =>
    Effect.gen(function*() {
      const server = yield* google
      server.tokens.set("ya29.a0", tokenInfo())
      const provider = yield* builtProvider("google", server.config)
      const [short, long] = yield* Effect.promise(() => Promise.all([server.idToken({ iss: new URL(server.origin).host }), server.idToken()]))
      const identities = yield* Effect.forEach([short, "ya29.a0", long], (text) => provider.validate(Redacted.make(text), AUDIENCE))
      for (const { clientId, issuer, subject } of identities) {
        assert.deepStrictEqual({ clientId, issuer, subject }, { clientId: CLIENT.client_id, issuer: server.origin, subject: SUBJECT })
      }
      assert.deepStrictEqual(identities[1]?.scopes, ["openid", "https://www.googleapis.com/auth/userinfo.email"])
      assert.strictEqual(provider.believedFor, 5000)
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses an ID token of a key that Google does not publish, a JWT that is no ID token, and an access token that it does not know", () =>
    Effect.gen(function*() {
      const server = yield* google
      const provider = yield* builtProvider("google", server.config)
      const foreign = yield* Effect.promise(async () => server.idToken({}, { key: await newKey("f1a2", "RS256") }))
      assert.strictEqual(yield* verdictOn(provider, foreign, AUDIENCE), "signature")
      const other = yield* Effect.promise(() => server.idToken({}, { typ: "at+jwt" }))
      assert.strictEqual(yield* verdictOn(provider, other, AUDIENCE), "type")
      assert.strictEqual(yield* verdictOn(provider, "ya29.unknown", AUDIENCE), "inactive")
      assert.strictEqual(yield* verdictOn(provider, "two words", AUDIENCE), "malformed")
      server.tokens.set("ya29.service", Object.fromEntries(Object.entries(tokenInfo()).filter(([name]) => name !== "sub")))
      assert.strictEqual(yield* verdictOn(provider, "ya29.service", AUDIENCE), "subject")
    }).pipe(Effect.provide(providerHost)))

  it.live("puts no token into an address, where it would be logged", () =>
    Effect.gen(function*() {
      const server = yield* google
      server.tokens.set("ya29.a0", tokenInfo())
      const provider = yield* builtProvider("google", server.config)
      assert.strictEqual(yield* verdictOn(provider, "ya29.a0", AUDIENCE), "good")
      assert.deepStrictEqual(server.addresses, ["/tokeninfo"])
      yield* server.down
      assert.strictEqual(yield* verdictOn(provider, "ya29.a0", AUDIENCE), "unavailable")
    }).pipe(Effect.provide(providerHost)))

  it.live("refreshes until the user takes it back", () =>
    Effect.gen(function*() {
      const server = yield* google
      server.refreshTokens.add("1//first")
      const provider = yield* builtProvider("google", { ...server.config, client_secret: CLIENT.client_secret })
      const tokens = yield* provider.refresh(Redacted.make("1//first"))
      assert.strictEqual(Redacted.value(tokens.accessToken), "ya29.next")
      assert.isUndefined(tokens.refreshToken)
      server.refreshTokens.clear()
      assert.strictEqual((yield* Effect.flip(provider.refresh(Redacted.make("1//first"))))._tag, "TokenRefused")
    }).pipe(Effect.provide(providerHost)))
})
