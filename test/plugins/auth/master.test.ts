import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { type Expected, grantedIn } from "../../../plugins/auth/master/Grant.ts"
import { remembering } from "../../../plugins/auth/master/Remembering.ts"
import { SubjectToken, subjectTokenFor } from "../../../src/plugin/SubjectToken.ts"

const jwt = (claims: object) => ["{\"alg\":\"RS256\"}", JSON.stringify(claims), "s"].map((part) => Buffer.from(part).toString("base64url")).join(".")

const asked: Expected = { audience: "https://back/mcp", scopes: ["read"], subject: "ada", isExchange: true }
const good = {
  access_token: jwt({ aud: "https://back/mcp", sub: "ada" }),
  token_type: "Bearer",
  issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
  expires_in: 300,
  scope: "read"
}

describe("what a token endpoint granted", () => {
  it.effect("is taken where it is what was asked for, and ends when the issuer says", () =>
    Effect.gen(function*() {
      const { token, until } = yield* grantedIn({ status: 200, body: good }, asked)
      assert.strictEqual(Redacted.value(token), good.access_token)
      assert.strictEqual(until, 300_000)
      const { scope: _, ...unsaid } = good
      yield* grantedIn({ status: 200, body: { ...unsaid, access_token: "opaque" } }, asked)
    }))

  it.effect.each<readonly [string, number, object]>([
    ["an error", 400, { error: "invalid_grant", error_description: "secret" }],
    ["another type of token", 200, { ...good, token_type: "DPoP" }],
    ["no issued_token_type", 200, { ...good, issued_token_type: undefined }],
    ["an identity instead of access", 200, { ...good, issued_token_type: "urn:ietf:params:oauth:token-type:id_token" }],
    ["more scopes", 200, { ...good, scope: "read write" }],
    ["a token for another audience", 200, { ...good, access_token: jwt({ aud: "https://other/mcp", sub: "ada" }) }],
    ["a token about somebody else", 200, { ...good, access_token: jwt({ aud: "https://back/mcp", sub: "mallory" }) }],
    ["nothing", 200, {}]
  ])("is refused where it is %s, and nothing of the answer is repeated", ([_, status, body]) =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(grantedIn({ status, body: JSON.parse(JSON.stringify(body)) }, asked))
      assert.match(message, /^the issuer (?:answered \d+|gave)/u)
      assert.notInclude(message, "secret")
    }))
})

describe("what was granted", () => {
  it.effect("is kept until half a minute before its end, and asked for once by many at the same time", () =>
    Effect.gen(function*() {
      const { remembered } = yield* remembering<{ readonly message: string }>()
      let count = 0
      const ask = Effect.suspend(() => Effect.map(Effect.delay(Effect.void, "1 second"), () => ({ token: Redacted.make(`t${++count}`), until: 100_000 * count })))
      const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.forkChild(remembered("k", ask)))
      yield* TestClock.adjust("1 second")
      for (const fiber of fibers) assert.strictEqual(Redacted.value(yield* Fiber.join(fiber)), "t1")
      yield* TestClock.adjust("68 seconds")
      assert.strictEqual(Redacted.value(yield* remembered("k", ask)), "t1")
      yield* TestClock.adjust("2 seconds")
      const renewed = yield* Effect.forkChild(remembered("k", ask))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(Redacted.value(yield* Fiber.join(renewed)), "t2")
    }))

  it.effect("is used to its end while the issuer is away, and not a moment longer", () =>
    Effect.gen(function*() {
      const { remembered } = yield* remembering<{ readonly message: string }>()
      let isAway = false
      const ask = Effect.suspend(() => isAway ? Effect.fail({ message: "away" }) : Effect.succeed({ token: Redacted.make("t"), until: 100_000 }))
      yield* remembered("k", ask)
      isAway = true
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(Redacted.value(yield* remembered("k", ask)), "t")
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual((yield* Effect.flip(remembered("k", ask))).message, "away")
    }))
})

describe("what was granted and then refused", () => {
  it.effect("is got anew once, however late others hear that theirs was refused", () =>
    Effect.gen(function*() {
      const { forget, remembered } = yield* remembering<{ readonly message: string }>()
      let count = 0
      const now = remembered("k", Effect.sync(() => ({ token: Redacted.make(`t${++count}`), until: 1_000_000 })))
      const first = yield* now
      forget("k", first)
      assert.strictEqual(Redacted.value(yield* now), "t2")
      forget("k", Redacted.make("t1"))
      assert.strictEqual(Redacted.value(yield* now), "t2", "the one that was refused is gone already")
      forget("k", undefined)
      assert.strictEqual(Redacted.value(yield* now), "t3")
    }))
})

describe("the token of a caller, as a strategy holds it", () => {
  it("goes to its own issuer alone, and shows itself in no way", () => {
    const token = new SubjectToken({ issuer: "https://id", hash: "h", secret: Redacted.make("the-token") })
    assert.isDefined(subjectTokenFor("https://id", token))
    assert.isUndefined(subjectTokenFor("https://id/", token))
    const shown = [JSON.stringify(token), String(token), inspect(token, { showHidden: true, depth: 9 }), JSON.stringify({ ...token })].join()
    assert.notInclude(shown, "the-token")
  })
})
