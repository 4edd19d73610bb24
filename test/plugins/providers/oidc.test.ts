/** Which JWTs the provider takes for good, each refusal beside the token that differs in that one point. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { exportSPKI, importJWK, SignJWT } from "jose"
import { AUDIENCE, type Issuer, issuerAt, type Minted, newKey } from "../../kit/issuer.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

const now = () => Math.floor(Date.now() / 1000)

const verdict = (issuer: Issuer, minted: Minted | string, config: Record<string, unknown> = {}) =>
  Effect.gen(function*() {
    const token = typeof minted === "string" ? minted : yield* Effect.promise(() => issuer.mint(minted))
    return yield* verdictOn(yield* builtProvider("oidc", { issuer: issuer.issuer, ...config }), token, AUDIENCE)
  })

interface Case {
  readonly title: string
  readonly minted: (issuer: Issuer) => Minted
  readonly config?: Record<string, unknown>
  readonly expected: string
}

const cases: ReadonlyArray<Case> = [
  { title: "a token for another audience", minted: () => ({ claims: { aud: "https://gw.example.com/other" } }), expected: "audience" },
  { title: "a token whose audience has one slash more", minted: () => ({ claims: { aud: `${AUDIENCE}/` } }), expected: "audience" },
  { title: "a token without an audience", minted: () => ({ claims: { aud: undefined } }), expected: "audience" },
  { title: "a token that is for others as well", minted: () => ({ claims: { aud: [AUDIENCE, "https://b.example.com"] } }), expected: "audience" },
  { title: "a token for a list of us alone", minted: () => ({ claims: { aud: [AUDIENCE] } }), expected: "good" },
  { title: "a token of another issuer", minted: () => ({ claims: { iss: "https://evil.example.com" } }), expected: "issuer" },
  { title: "a token whose issuer has one slash more", minted: ({ issuer }) => ({ claims: { iss: `${issuer}/` } }), expected: "issuer" },
  { title: "a token whose issuer is in other letters", minted: ({ issuer }) => ({ claims: { iss: issuer.toUpperCase() } }), expected: "issuer" },
  { title: "a token that expired beyond the skew", minted: () => ({ claims: { iat: now() - 200, exp: now() - 61 } }), expected: "expired" },
  { title: "a token that expired within the skew", minted: () => ({ claims: { iat: now() - 200, exp: now() - 50 } }), expected: "good" },
  {
    title: "a token that expired within the usual skew but not within the configured one",
    minted: () => ({ claims: { iat: now() - 200, exp: now() - 50 } }),
    config: { clock_skew: "10 seconds" },
    expected: "expired"
  },
  { title: "a token without an end", minted: () => ({ claims: { exp: undefined } }), expected: "malformed" },
  { title: "a token whose end is text", minted: () => ({ claims: { exp: "tomorrow" } }), expected: "malformed" },
  { title: "a token that is not good before a while", minted: () => ({ claims: { nbf: now() + 90 } }), expected: "not_yet" },
  { title: "a token that is not good before a moment", minted: () => ({ claims: { nbf: now() + 30 } }), expected: "good" },
  { title: "a token from the future", minted: () => ({ claims: { iat: now() + 90 } }), expected: "not_yet" },
  { title: "a token that lives for two hours", minted: () => ({ claims: { exp: now() + 7200 } }), expected: "lifetime" },
  { title: "a token that does not say since when, but lives for two hours", minted: () => ({ claims: { iat: undefined, exp: now() + 7200 } }), expected: "lifetime" },
  {
    title: "a token that lives for two hours where the manifest allows it",
    minted: () => ({ claims: { exp: now() + 7200 } }),
    config: { longest_life: "3 hours" },
    expected: "good"
  },
  { title: "a token that was not made as an access token", minted: () => ({ header: { typ: "JWT" } }), expected: "type" },
  { title: "a token without a type", minted: () => ({ header: { typ: undefined } }), expected: "type" },
  { title: "a token with the whole media type", minted: () => ({ header: { typ: "application/AT+JWT" } }), expected: "good" },
  { title: "a JWT where the manifest takes them", minted: () => ({ header: { typ: "JWT" } }), config: { token_types: ["at+jwt", "JWT"] }, expected: "good" },
  { title: "a token without a subject", minted: () => ({ claims: { sub: undefined } }), expected: "subject" },
  { title: "a token with an empty subject", minted: () => ({ claims: { sub: "" } }), expected: "subject" },
  { title: "a token of 17 KiB", minted: () => ({ claims: { filler: "x".repeat(13_000) } }), expected: "malformed" },
  { title: "a token of 15 KiB", minted: () => ({ claims: { filler: "x".repeat(11_000) } }), expected: "good" }
]

describe("the provider oidc", () => {
  for (const { title, minted, config, expected } of cases) {
    it.live(`${expected === "good" ? "accepts" : "refuses"} ${title}${expected === "good" ? "" : ` (${expected})`}`, () =>
      Effect.gen(function*() {
        const issuer = yield* issuerAt()
        assert.strictEqual(yield* verdict(issuer, minted(issuer), config), expected)
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("says who a good token speaks for, and keeps what else it claims", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt("/tenant")
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
      const token = yield* Effect.promise(() => issuer.mint({ claims: { groups: ["ops"] } }))
      const { claims, expires, ...identity } = yield* provider.validate(Redacted.make(token), AUDIENCE)
      assert.deepStrictEqual(identity, { issuer: issuer.issuer, subject: "ada", clientId: "desk", scopes: ["mcp", "read"] })
      assert.deepStrictEqual(claims["groups"], ["ops"])
      assert.strictEqual(expires, claims["exp"])
      assert.strictEqual(provider.believedFor, 60_000)
    }).pipe(Effect.provide(providerHost)))

  for (const alg of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]) {
    it.live(`accepts a signature of ${alg}, and none of a key that the issuer does not publish`, () =>
      Effect.gen(function*() {
        const issuer = yield* issuerAt()
        const [own, foreign] = yield* Effect.promise(() => Promise.all([newKey("two", alg), newKey("two", alg)]))
        issuer.answers.keys = [own.public, issuer.key.public]
        assert.strictEqual(yield* verdict(issuer, { key: own }), "good")
        assert.strictEqual(yield* verdict(issuer, { key: foreign }), "signature")
      }).pipe(Effect.provide(providerHost)))
  }

  it.live("refuses a token that says it needs no signature, with and without one", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const [, claims, signature] = (yield* Effect.promise(() => issuer.mint())).split(".")
      const header = (alg: string) => Buffer.from(JSON.stringify({ alg, typ: "at+jwt", kid: "one" })).toString("base64url")
      for (const alg of ["none", "None", "NONE", ""]) {
        assert.strictEqual(yield* verdict(issuer, `${header(alg)}.${claims}.`), "algorithm")
        assert.strictEqual(yield* verdict(issuer, `${header(alg)}.${claims}.${signature}`), "algorithm")
      }
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses HS256 made with the public key, which everybody has", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const key = yield* Effect.promise(() => newKey("rsa", "RS256"))
      issuer.answers.keys = [key.public]
      const forged = yield* Effect.promise(async () => {
        const imported = await importJWK(key.public, "RS256", { extractable: true })
        if (imported instanceof Uint8Array) throw new Error("no public key")
        const pem = await exportSPKI(imported)
        const claims = { iss: issuer.issuer, aud: AUDIENCE, sub: "ada", iat: now(), exp: now() + 300 }
        return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "rsa", typ: "at+jwt" }).sign(new TextEncoder().encode(pem))
      })
      assert.strictEqual(yield* verdict(issuer, forged), "algorithm")
      assert.strictEqual(yield* verdict(issuer, { key }), "good")
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses a header that asks for extensions, instead of passing over them", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      assert.strictEqual(yield* verdict(issuer, { header: { crit: ["b64"], b64: true } }), "malformed")
    }).pipe(Effect.provide(providerHost)))

  it.live("refuses what is no JWT where opaque tokens are not asked about, without asking anybody", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      for (const text of ["", "mfk_abc", "a.b", "a.b.c", "a.b.c.d.e", "...", "e30.e30.e30", "x".repeat(17_000)]) {
        assert.strictEqual(yield* verdict(issuer, text), "malformed")
      }
      assert.deepStrictEqual(issuer.requests, [])
    }).pipe(Effect.provide(providerHost)))

  it.live("says nothing of the token in what it refuses with", () =>
    Effect.gen(function*() {
      const issuer = yield* issuerAt()
      const provider = yield* builtProvider("oidc", { issuer: issuer.issuer })
      const token = yield* Effect.promise(() => issuer.mint({ claims: { aud: "x".repeat(500) } }))
      const refused = yield* Effect.flip(provider.validate(Redacted.make(token), AUDIENCE))
      const said = `${refused.message}${JSON.stringify(refused)}${refused.stack}`
      for (const part of token.split(".")) assert.notInclude(said, part)
      assert.notInclude(said, "x".repeat(100))
    }).pipe(Effect.provide(providerHost)))
})
