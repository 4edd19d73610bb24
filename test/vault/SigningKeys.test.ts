import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose"
import { Base } from "../../src/guard/Base.ts"
import { Signer } from "../../src/plugin/Signer.ts"
import { Store } from "../../src/store/Store.ts"
import { SigningKeys } from "../../src/vault/SigningKeys.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { heldKey, keyOf } from "../kit/vault.ts"

const services = SigningKeys.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(Vault.whole, Base.layer)),
  Layer.provideMerge(Store.memory),
  Layer.provideMerge(heldKey({ bytes: keyOf(1) }))
)

const wanted = { audience: "https://back.example.com/mcp", subject: "ada", scopes: ["read"], life: 300 }

const signed = Effect.flatMap(Signer, (signer) => Effect.map(signer.accessToken(wanted), ({ token }) => Redacted.value(token)))
const kidOf = (token: string) => decodeProtectedHeader(token).kid

describe("the keys that the gateway signs with", () => {
  it.effect("sign what anybody can check by the published halves, and are published without the private ones", () =>
    Effect.gen(function*() {
      ;(yield* Base).become("https://gw.example.com/")
      const token = yield* signed
      const keys = yield* (yield* SigningKeys).published
      assert.lengthOf(keys, 1)
      assert.notProperty(keys[0], "d")
      const { payload } = yield* Effect.promise(() =>
        jwtVerify(token, createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) }), { issuer: "https://gw.example.com", audience: wanted.audience, typ: "at+jwt", currentDate: new Date(0) }))
      assert.deepInclude(payload, { sub: "ada", scope: "read", exp: 300 })
    }).pipe(Effect.provide(services)))

  it.effect("are replaced every month, by one that has been published for a day, and stay published while what they signed counts", () =>
    Effect.gen(function*() {
      const { published } = yield* SigningKeys
      const first = kidOf(yield* signed)
      yield* TestClock.adjust("29 days")
      assert.strictEqual(kidOf(yield* signed), first, "the next one is published, and does not sign yet")
      assert.lengthOf(yield* published, 2)
      yield* TestClock.adjust("1 day")
      const second = kidOf(yield* signed)
      assert.notStrictEqual(second, first)
      assert.includeMembers((yield* published).map(({ kid }) => kid), [String(first), String(second)])
      yield* TestClock.adjust("29 days")
      yield* signed
      yield* TestClock.adjust("30 days")
      yield* signed
      assert.notInclude((yield* published).map(({ kid }) => kid), first)
    }).pipe(Effect.provide(services)))

  it.effect("are one for all who ask at once, and another for each purpose", () =>
    Effect.gen(function*() {
      const signer = yield* Signer
      const tokens = yield* Effect.forEach(Array.from({ length: 20 }), () => signed, { concurrency: "unbounded" })
      assert.strictEqual(new Set(tokens.map(kidOf)).size, 1)
      const assertion = Redacted.value(yield* signer.clientAssertion({ clientId: "gate", audience: "https://as.example.com" }))
      assert.notStrictEqual(kidOf(assertion), kidOf(tokens[0] ?? ""))
      assert.include(JSON.stringify(decodeJwt(assertion)), `"iss":"gate","sub":"gate","aud":"https://as.example.com"`)
    }).pipe(Effect.provide(services)))

  it.effect("sign for ten minutes at most, whatever is asked", () =>
    Effect.gen(function*() {
      const { expires, token } = yield* (yield* Signer).accessToken({ ...wanted, life: 86_400 })
      assert.strictEqual(decodeJwt(Redacted.value(token)).exp, 600)
      assert.strictEqual(expires, 600_000)
    }).pipe(Effect.provide(services)))
})
