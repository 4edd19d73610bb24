import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Authentication, LOCAL, type Rules } from "../../src/guard/Authentication.ts"
import type { Credentials } from "../../src/guard/Credentials.ts"
import { challengeOf, Unauthenticated } from "../../src/guard/Unauthenticated.ts"
import { type Identity, ProviderUnavailable, TokenRefused } from "../../src/plugin/Provider.ts"

const none: Credentials = { kind: "none", from: "here" }
const malformed: Credentials = { kind: "malformed", from: "here", why: "There is more than one credential" }
const token = (text: string, from = "here"): Credentials => ({ kind: "token", from, hash: `hash of ${text}`, secret: Redacted.make(text) })
const key = (text: string): Credentials => ({ kind: "key", from: "here", hash: text, secret: Redacted.make(text) })

const ada: Identity = { issuer: "https://id", subject: "ada", clientId: "desk", scopes: ["mcp"], expires: 4_000_000_000, claims: { team: "x" } }

/** Sign-in with a provider that answers by the token's text, and how often it was asked, for which audience. */
const guarded = (believedFor = 60_000) => {
  const asked: Array<string> = []
  const answers: Record<string, Identity> = {
    good: ada,
    short: { ...ada, expires: 0 },
    scopeless: { ...ada, scopes: ["other"] },
    foreign: { ...ada, issuer: "https://other" },
    nobody: { ...ada, subject: "" }
  }
  const rules: Rules = {
    kind: "guarded",
    keys: ({ hash }) => Effect.succeed(hash === "mfk_good" ? { issuer: "keys", subject: "robot" } : undefined),
    signIn: {
      requiredScopes: ["mcp"],
      resource: (path) => `https://gw${path}`,
      audience: (path) => `https://gw${path}`,
      provider: {
        issuer: "https://id",
        believedFor,
        metadata: Effect.die("nobody signs in with a browser here"),
        validate: (secret, audience) =>
          Effect.suspend((): Effect.Effect<Identity, TokenRefused | ProviderUnavailable> => {
            asked.push(audience)
            const text = Redacted.value(secret)
            if (text === "down") return new ProviderUnavailable({ issuer: "https://id", detail: "does not answer" })
            const found = answers[text]
            return found === undefined ? new TokenRefused({ reason: "signature", detail: "bad" }) : Effect.succeed(found)
          })
      }
    }
  }
  return { rules, asked }
}

const checked = (credentials: Credentials) => Effect.flatMap(Authentication, ({ check }) => Effect.result(check(credentials, "/mcp")))

const refusalOf = Effect.fnUntraced(function*(credentials: Credentials) {
  const result = yield* checked(credentials)
  return result._tag === "Failure" ? { status: result.failure.status, error: result.failure.error } : "let in"
})

const withRules = (rules: Rules) => Effect.map(Authentication, ({ apply }) => apply(rules))

describe("who calls", () => {
  it.effect("with a key is known until that ends, and with one that does not end for five seconds", () =>
    Effect.gen(function*() {
      const authentication = yield* Authentication
      authentication.apply({
        kind: "guarded",
        signIn: undefined,
        keys: ({ hash }) => Effect.succeed({ issuer: "keys", subject: hash, ...(hash === "short" ? { expires: 2 } : {}) })
      })
      const knownAt = (name: string) => authentication.known(key(name), "/mcp") !== undefined
      yield* checked(key("short"))
      yield* checked(key("long"))
      yield* TestClock.adjust(1999)
      assert.deepStrictEqual([knownAt("short"), knownAt("long")], [true, true])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([knownAt("short"), knownAt("long")], [false, true])
      yield* TestClock.adjust(3000)
      assert.isFalse(knownAt("long"))
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect("is nobody before there are rules, and one local user where the manifest asks for no sign-in", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* refusalOf(none), { status: 503, error: undefined })
      yield* withRules({ kind: "local" })
      assert.deepStrictEqual(yield* checked(none), yield* Effect.result(Effect.succeed(LOCAL)))
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect("is who a checked token speaks for, asked about once and for our audience alone", () =>
    Effect.gen(function*() {
      const { asked, rules } = guarded()
      yield* withRules(rules)
      const { known } = yield* Authentication
      const result = yield* checked(token("good"))
      assert.deepInclude(result._tag === "Success" ? result.success : {}, { issuer: "https://id", subject: "ada", clientId: "desk" })
      assert.strictEqual(known(token("good"), "/mcp")?.subject, "ada")
      assert.isUndefined(known(token("good?"), "/mcp"))
      assert.isUndefined(known(token("good"), "/servers/one/mcp"), "what is good at one endpoint is not known at another")
      assert.deepStrictEqual(asked, ["https://gw/mcp"])
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect.each<readonly [string, Credentials, { readonly status: 400 | 401 | 403 | 503; readonly error: Unauthenticated["error"] }]>([
    ["no credential", none, { status: 401, error: undefined }],
    ["two credentials", malformed, { status: 400, error: "invalid_request" }],
    ["a token that is refused", token("bad"), { status: 401, error: "invalid_token" }],
    ["a token of another issuer than the provider's", token("foreign"), { status: 401, error: "invalid_token" }],
    ["a token for nobody", token("nobody"), { status: 401, error: "invalid_token" }],
    ["a token without the scope", token("scopeless"), { status: 403, error: "insufficient_scope" }],
    ["a token that nobody can check now", token("down"), { status: 503, error: undefined }],
    ["a key that is not known", key("mfk_bad"), { status: 401, error: "invalid_token" }]
  ])("is refused with %s", ([_, credentials, expected]) =>
    Effect.gen(function*() {
      yield* withRules(guarded().rules)
      assert.deepStrictEqual(yield* refusalOf(credentials), expected)
      const { known } = yield* Authentication
      assert.isUndefined(known(credentials, "/mcp"), "what is refused is not remembered")
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect("is asked about again when the token has ended, and after other rules came into force", () =>
    Effect.gen(function*() {
      const { asked, rules } = guarded()
      yield* withRules(rules)
      const { known } = yield* Authentication
      yield* checked(token("short"))
      assert.isUndefined(known(token("short"), "/mcp"))
      yield* checked(token("good"))
      yield* withRules(rules)
      assert.isUndefined(known(token("good"), "/mcp"))
      yield* checked(token("good"))
      assert.strictEqual(asked.length, 3)
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect("is one question however many requests bring the same new token at once", () =>
    Effect.gen(function*() {
      const { asked, rules } = guarded()
      const gate = yield* Latch.make(false)
      if (rules.kind !== "guarded" || rules.signIn === undefined) return assert.fail("guarded")
      const { provider } = rules.signIn
      const slow = { ...provider, validate: (...given: Parameters<typeof provider.validate>) => Effect.andThen(gate.await, provider.validate(...given)) }
      yield* withRules({ ...rules, signIn: { ...rules.signIn, provider: slow } })
      const all = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.forkChild(checked(token("good"))))
      yield* TestClock.adjust(0)
      yield* gate.open
      for (const fiber of all) assert.strictEqual((yield* Fiber.join(fiber))._tag, "Success")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(Authentication.layer)))

  it.effect("who guesses is slowed down after a hundred refusals, from that address alone, and for a minute", () =>
    Effect.gen(function*() {
      yield* withRules(guarded().rules)
      for (let count = 0; count < 100; count++) yield* refusalOf(token(`guess ${count}`, "there"))
      assert.deepStrictEqual(yield* refusalOf(token("good", "there")), { status: 429, error: undefined })
      assert.strictEqual(yield* refusalOf(token("good")), "let in")
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(yield* refusalOf(token("good", "there")), "let in")
    }).pipe(Effect.provide(Authentication.layer)))
})

describe("the challenge of a refusal", () => {
  const refusal = { status: 401 as const, why: "say \"no\"\n", scopes: ["a", "b"] }

  it("names the metadata and every scope, and an error only where a credential was given", () => {
    assert.strictEqual(challengeOf(new Unauthenticated(refusal), "https://gw/.well-known/x"), `Bearer resource_metadata="https://gw/.well-known/x", scope="a b"`)
    assert.strictEqual(
      challengeOf(new Unauthenticated({ ...refusal, error: "invalid_token" }), undefined),
      `Bearer scope="a b", error="invalid_token", error_description="say 'no''"`
    )
  })
})
