import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import * as fc from "fast-check"
import { keyText, readKey } from "../../src/vault/MasterKey.ts"
import { keyIdOf, Sealing } from "../../src/vault/Sealing.ts"
import { keyOf } from "../kit/vault.ts"

const place = fc.record({ table: fc.string(), key: fc.string({ unit: "binary" }), version: fc.nat() })
const plain = fc.uint8Array({ maxLength: 300 })

/** Runs the property over sealed bytes with one sealing service. */
const property = <T>(arbitrary: fc.Arbitrary<T>, holds: (sealing: Sealing["Service"], value: T) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const sealing = yield* Sealing
    const run = (value: T) => Effect.runPromise(holds(sealing, value))
    yield* Effect.promise(() => fc.assert(fc.asyncProperty(arbitrary, run), { numRuns: 60 }))
  }).pipe(Effect.provide(Sealing.layer))

describe("sealing", () => {
  it.effect("opens to what was sealed, with the key and at the place it was sealed for", () =>
    property(fc.tuple(place, plain), (sealing, [place, plain]) =>
      Effect.gen(function*() {
        const key = yield* sealing.masterKey(keyOf(1))
        const opened = yield* sealing.open(key, place, yield* sealing.seal(key, place, Redacted.make(plain)))
        assert.deepStrictEqual(opened === undefined ? undefined : [...Redacted.value(opened)], [...plain])
      })))

  it.effect("does not open at another place, not even where the parts run together in another way", () =>
    property(fc.tuple(place, place, plain), (sealing, [one, other, plain]) =>
      Effect.gen(function*() {
        const key = yield* sealing.masterKey(keyOf(1))
        const sealed = yield* sealing.seal(key, one, Redacted.make(plain))
        const shifted = { table: one.table + one.key, key: "", version: one.version }
        const later = { ...one, version: one.version + 1 }
        for (const each of [other, shifted, later]) {
          const isSame = each.table === one.table && each.key === one.key && each.version === one.version
          assert.strictEqual((yield* sealing.open(key, each, sealed)) !== undefined, isSame)
        }
      })))

  it.effect("keeps key and version apart where their digits would run together", () =>
    Effect.gen(function*() {
      const sealing = yield* Sealing
      const key = yield* sealing.masterKey(keyOf(1))
      const sealed = yield* sealing.seal(key, { table: "t", key: "a1", version: 2 }, Redacted.make(new Uint8Array(3)))
      assert.isUndefined(yield* sealing.open(key, { table: "t", key: "a", version: 12 }, sealed))
      assert.isDefined(yield* sealing.open(key, { table: "t", key: "a1", version: 2 }, sealed))
    }).pipe(Effect.provide(Sealing.layer)))

  it.effect("does not open when any bit of it was turned, or with another key", () =>
    property(fc.tuple(place, plain, fc.nat(), fc.nat(7)), (sealing, [place, plain, at, bit]) =>
      Effect.gen(function*() {
        const key = yield* sealing.masterKey(keyOf(1))
        const other = yield* sealing.masterKey(keyOf(2))
        const sealed = yield* sealing.seal(key, place, Redacted.make(plain))
        const turned = Uint8Array.from(sealed)
        turned[at % sealed.length] = (turned[at % sealed.length] ?? 0) ^ (1 << bit)
        assert.isUndefined(yield* sealing.open(key, place, turned))
        assert.isUndefined(yield* sealing.open(key, place, sealed.subarray(0, at % sealed.length)))
        assert.isUndefined(yield* sealing.open(other, place, sealed))
        assert.isUndefined(yield* sealing.open({ ...other, id: key.id }, place, sealed))
      })))

  it.effect("is different each time and names its key by an id that says nothing of it", () =>
    Effect.gen(function*() {
      const sealing = yield* Sealing
      const key = yield* sealing.masterKey(keyOf(1))
      const place = { table: "secrets", key: "a", version: 1 }
      const sealed = yield* Effect.forEach(Array.from({ length: 50 }), () => sealing.seal(key, place, Redacted.make(new Uint8Array(4))))
      assert.strictEqual(new Set(sealed.map((each) => each.join())).size, 50)
      assert.deepStrictEqual([...new Set(sealed.map(keyIdOf))], [key.id])
      assert.match(key.id, /^[0-9a-f]{16}$/u)
      assert.isUndefined(keyIdOf(new Uint8Array(60)))
      const hex = Buffer.from(Redacted.value(keyOf(1))).toString("hex")
      assert.notInclude(hex, key.id)
      assert.notInclude(JSON.stringify(key) + String(key.bytes), hex)
    }).pipe(Effect.provide(Sealing.layer)))
})

describe("a master key", () => {
  it("is read back from its text, line end or not", () => {
    for (const end of ["", "\n", "\r\n", " "]) {
      const read = readKey(Redacted.make(Redacted.value(keyText(keyOf(3))) + end))
      assert.deepStrictEqual(Result.map(read, (bytes) => [...Redacted.value(bytes)]), Result.succeed([...Redacted.value(keyOf(3))]))
    }
  })

  it("that came from a random generator is never called weak", () => {
    for (let i = 0; i < 2000; i++) {
      const text = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")
      assert.isTrue(Result.isSuccess(readKey(Redacted.make(text))), text)
    }
  })

  const base64 = (bytes: ArrayLike<number> | string) => Buffer.from(typeof bytes === "string" ? bytes : Uint8Array.from(bytes)).toString("base64")
  const refused = {
    "is empty": ["", "it is empty"],
    "is no base64": ["correct horse battery staple", "it is not base64"],
    "is hex": ["0123456789abcdef".repeat(4), "it has 48 bytes"],
    "is too short": [base64(new Uint8Array(31)), "it has 31 bytes"],
    "is too long": [base64(new Uint8Array(33)), "it has 33 bytes"],
    "is zero": [base64(new Uint8Array(32)), "all its bytes are equal"],
    "repeats": [base64(Array.from({ length: 32 }, (_, i) => (i % 8) * 31)), "its bytes repeat"],
    "is a passphrase": [base64("this is 32 letters of plain text"), "it is a text"],
    "counts": [base64(Array.from({ length: 32 }, (_, i) => 200 + i)), "follow one another"]
  } as const
  for (const [what, [text, reason]] of Object.entries(refused)) {
    it(`that ${what} is refused, without being repeated`, () => {
      const read = readKey(Redacted.make(text))
      const said = Result.isFailure(read) ? read.failure : ""
      assert.include(said, reason)
      if (text !== "") assert.notInclude(said, text)
    })
  }
})
