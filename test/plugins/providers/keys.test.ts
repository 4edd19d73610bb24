/** Keys and metadata of an issuer that rotates, floods, lies or is down. Time moves by the test's clock, the network is real. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { AUDIENCE, issuerAt, KEYS, type Minted, newKey } from "../../kit/issuer.ts"
import { loopback, sendJson } from "../../kit/loopback.ts"
import { builtProvider, providerHost, verdictOn } from "../../kit/providers.ts"

/** An issuer, a provider for it, and a question about one token; the clock shows the real time at first. */
const meeting = Effect.fnUntraced(function*(config: Record<string, unknown> = {}) {
  yield* TestClock.setTime(Date.now())
  const issuer = yield* issuerAt()
  const provider = yield* builtProvider("oidc", { issuer: issuer.issuer, longest_life: "10 days", ...config })
  const verdict = (minted: Minted = {}) =>
    Effect.flatMap(Effect.promise(() => issuer.mint({ ...minted, claims: { exp: Math.floor(Date.now() / 1000) + 8 * 86_400, ...minted.claims } })), (token) =>
      verdictOn(provider, token, AUDIENCE))
  return { issuer, provider, verdict }
})

const test = (title: string, body: () => Effect.Effect<void, unknown, Effect.Services<ReturnType<typeof meeting>>>) =>
  it.effect(title, () => Effect.provide(body(), providerHost))

describe("the keys of an issuer", () => {
  test("are fetched once for many tokens at the same time", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const verdicts = yield* Effect.forEach(Array.from({ length: 50 }), () => verdict(), { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(verdicts), new Set(["good"]))
      assert.strictEqual(issuer.count(KEYS), 1)
    }))

  test("are fetched once in 30 seconds however many unknown keys are named, and again after that", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      yield* verdict()
      const flood = Effect.forEach(Array.from({ length: 100 }), (_, index) => verdict({ header: { kid: `unknown-${index}` } }), { concurrency: 10 })
      assert.deepStrictEqual(new Set(yield* flood), new Set(["signature"]))
      assert.strictEqual(issuer.count(KEYS), 2)
      yield* TestClock.adjust("29 seconds")
      yield* flood
      assert.strictEqual(issuer.count(KEYS), 2)
      yield* TestClock.adjust("2 seconds")
      yield* flood
      assert.strictEqual(issuer.count(KEYS), 3)
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("come to everybody who waits for them though the first one gives up", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const asked = Promise.withResolvers<void>()
      const answer = Promise.withResolvers<void>()
      issuer.answers.jwks = (response) => {
        asked.resolve()
        void answer.promise.then(() => sendJson(response, 200, { keys: issuer.answers.keys }))
      }
      const first = yield* Effect.forkChild(verdict())
      yield* Effect.promise(() => asked.promise)
      const second = yield* Effect.forkChild(verdict())
      yield* Fiber.interrupt(first)
      answer.resolve()
      assert.strictEqual(yield* Fiber.join(second), "good")
      assert.strictEqual(issuer.count(KEYS), 1)
    }))

  test("are not fetched for tokens of another issuer or for another audience", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      yield* verdict({ claims: { iss: "https://evil.example.com" } })
      yield* verdict({ claims: { aud: "https://other.example.com" } })
      assert.deepStrictEqual(issuer.requests, [])
    }))

  test("are accepted as soon as they are published, and refused once they are withdrawn", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const next = yield* Effect.promise(() => newKey("two"))
      assert.strictEqual(yield* verdict({ key: next }), "signature")
      issuer.answers.keys = [next.public]
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* verdict({ key: next }), "good")
      assert.strictEqual(yield* verdict(), "signature")
    }))

  test("that were withdrawn are forgotten within ten minutes though nobody names a new one", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      assert.strictEqual(yield* verdict(), "good")
      issuer.answers.keys = []
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual(yield* verdict(), "good")
      yield* TestClock.adjust("61 seconds")
      yield* verdict().pipe(Effect.repeat({ until: (said) => said === "signature" }))
      assert.strictEqual(issuer.count(KEYS), 3)
    }))

  test("stay good for a day when the server is down, and not for longer", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      assert.strictEqual(yield* verdict(), "good")
      yield* issuer.down
      assert.strictEqual(yield* verdict({ header: { kid: "unknown" } }), "signature")
      yield* TestClock.adjust("23 hours")
      assert.strictEqual(yield* verdict(), "good")
      yield* TestClock.adjust("61 minutes")
      assert.strictEqual(yield* verdict(), "unavailable")
      yield* issuer.comeBack
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("that were never fetched let nobody in while the server is down, and it is not asked for each token", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      yield* issuer.down
      assert.strictEqual(yield* verdict(), "unavailable")
      yield* issuer.comeBack
      assert.strictEqual(yield* verdict(), "unavailable")
      assert.deepStrictEqual(issuer.requests, [])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("are refused where the weak one signed, and the strong one beside it is accepted", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const strong = yield* Effect.promise(() => newKey("strong", "RS256"))
      const weak = { ...strong.public, kid: "weak", n: (strong.public.n ?? "").slice(0, 171) }
      const forSecrets = { ...strong.public, kid: "encryption", use: "enc" }
      issuer.answers.keys = [weak, forSecrets, { kty: "oct", kid: "secret", k: "c2VjcmV0" }, strong.public]
      for (const kid of ["weak", "encryption"]) {
        assert.strictEqual(yield* verdict({ key: { ...strong, kid } }), "signature")
      }
      assert.strictEqual(yield* verdict({ key: strong }), "good")
    }))

  test("do not count with an exponent of 1, with which a signature is nothing but the padded digest", () =>
    Effect.gen(function*() {
      const { issuer, provider } = yield* meeting()
      const key = yield* Effect.promise(() => newKey("open", "RS256"))
      issuer.answers.keys = [{ ...key.public, e: "AQ" }]
      const [head, claims] = (yield* Effect.promise(() => issuer.mint({ key }))).split(".")
      const digest = createHash("sha256").update(`${head}.${claims}`).digest("hex")
      const info = `003031300d060960864801650304020105000420${digest}`
      const forged = Buffer.from(`0001${"ff".repeat(254 - info.length / 2)}${info}`, "hex").toString("base64url")
      assert.strictEqual(yield* verdictOn(provider, `${head}.${claims}.${forged}`, AUDIENCE), "signature")
    }))

  test("are a hundred at most", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const keys = (count: number) => Array.from({ length: count }, (_, index) => ({ ...issuer.key.public, kid: index === 0 ? "one" : `${index}` }))
      issuer.answers.keys = keys(101)
      assert.strictEqual(yield* verdict(), "unavailable")
      issuer.answers.keys = keys(100)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("need no name where there is one only", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      assert.strictEqual(yield* verdict({ header: { kid: undefined } }), "good")
      const second = yield* Effect.promise(() => newKey("two"))
      issuer.answers.keys = [issuer.key.public, second.public]
      yield* TestClock.adjust("25 hours")
      assert.strictEqual(yield* verdict({ header: { kid: undefined } }), "signature")
    }))

  test("are not taken from a redirect, and neither from an answer of more than 1 MiB", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      const elsewhere = yield* loopback(() => (_, response) => sendJson(response, 200, { keys: [issuer.key.public] }))
      issuer.answers.jwks = (response) => void response.writeHead(302, { location: `${elsewhere.origin}/jwks` }).end()
      assert.strictEqual(yield* verdict(), "unavailable")
      assert.deepStrictEqual(elsewhere.requests, [])

      issuer.answers.jwks = (response) => sendJson(response, 200, { filler: "x".repeat(1024 * 1024), keys: [issuer.key.public] })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* verdict(), "unavailable")

      issuer.answers.jwks = (response) => sendJson(response, 200, { filler: "x".repeat(1000 * 1000), keys: [issuer.key.public] })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("can be told by the manifest, and then no metadata are needed", () =>
    Effect.gen(function*() {
      const keys = yield* issuerAt()
      const { issuer, verdict } = yield* meeting({ jwks_uri: `${keys.origin}/jwks` })
      assert.strictEqual(yield* verdict(), "signature")
      assert.strictEqual(yield* verdict({ key: keys.key }), "good")
      assert.deepStrictEqual(issuer.requests, [])
    }))
})

describe("the metadata of an issuer", () => {
  test("count only when they name exactly that issuer", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      for (const other of [`${issuer.issuer}/`, "https://evil.example.com", issuer.issuer.toUpperCase()]) {
        issuer.answers.metadata = { issuer: other }
        assert.strictEqual(yield* verdict(), "unavailable")
        yield* TestClock.adjust("2 seconds")
      }
      issuer.answers.metadata = {}
      assert.strictEqual(yield* verdict(), "good")
    }))

  test("that name an address inside the network are not followed there", () =>
    Effect.gen(function*() {
      const { issuer, verdict } = yield* meeting()
      for (const jwks_uri of ["https://169.254.169.254/jwks", "https://10.0.0.1/jwks", "https://[fd00::1]/jwks", "http://93.184.216.34/jwks", "file:///etc/passwd"]) {
        issuer.answers.metadata = { jwks_uri }
        assert.strictEqual(yield* verdict(), "unavailable")
        yield* TestClock.adjust("2 seconds")
      }
      issuer.answers.metadata = {}
      yield* TestClock.adjust("25 hours")
      assert.strictEqual(yield* verdict(), "good")
    }))

  for (const place of ["/.well-known/oauth-authorization-server/tenant", "/.well-known/openid-configuration/tenant", "/tenant/.well-known/openid-configuration"]) {
    it.effect(`are found at ${place} when they are nowhere else`, () =>
      Effect.gen(function*() {
        const server = yield* loopback((origin) => ({ url }, response) =>
          url === place ? sendJson(response, 200, { issuer: `${origin}/tenant`, token_endpoint: `${origin}/token` }) : sendJson(response, 404, {}))
        const provider = yield* builtProvider("oidc", { issuer: `${server.origin}/tenant` })
        const found = yield* provider.metadata
        assert.strictEqual(found.tokenEndpoint, `${server.origin}/token`)
        assert.deepStrictEqual(found.grantTypes, ["authorization_code", "implicit"])
        assert.deepStrictEqual(found.codeChallengeMethods, [])
      }).pipe(Effect.provide(providerHost)))
  }
})
