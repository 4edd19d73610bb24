import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { readFileSync } from "node:fs"
import * as Sqlite from "../../src/store/Sqlite.node.ts"
import { ApiKeys } from "../../src/vault/ApiKeys.ts"
import { layer } from "../../src/vault/ApiKeys.node.ts"
import { storeFile } from "../kit/store.ts"

/** The keys as another process sees them. */
const keysAt = (file: string) => Effect.map(Layer.build(Layer.fresh(Layer.provide(layer, Sqlite.layer({ file })))), Context.get(ApiKeys))

const reasonFor = (keys: ApiKeys["Service"], key: Redacted.Redacted<string>) =>
  Effect.map(Effect.flip(keys.find(key)), (error) => error._tag === "ApiKeyRefused" ? error.reason : error._tag)

describe("an API key", () => {
  it.effect("is given once, finds what it may, and is kept as its hash alone", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const keys = yield* keysAt(file)
      const { key, made } = yield* keys.create({ name: "ci", scopes: ["read", "call"] })
      const text = Redacted.value(key)
      assert.match(text, /^mfk_[A-Za-z0-9_-]{49}$/u)
      assert.deepStrictEqual(yield* (yield* keysAt(file)).find(key), { id: made.id, name: "ci", scopes: ["read", "call"] })
      assert.strictEqual(made.lastFour, text.slice(-4))
      for (const each of [file, `${file}-wal`]) assert.isFalse(readFileSync(each).includes(text.slice(4, 30)), each)
      assert.notInclude(JSON.stringify(yield* keys.list), text.slice(4, 30))
      assert.notInclude(JSON.stringify({ key, made }), text.slice(4, 30))
    }).pipe(Effect.scoped))

  it.effect("is unknown when it was never made, mistyped anywhere, or is something else altogether", () =>
    Effect.gen(function*() {
      const keys = yield* keysAt(yield* storeFile)
      const text = Redacted.value((yield* keys.create({ name: "a", scopes: [] })).key)
      const unknown = (text: string) => Effect.runPromise(Effect.map(reasonFor(keys, Redacted.make(text)), (reason) => assert.strictEqual(reason, "unknown")))
      const mistyped = fc.tuple(fc.nat(text.length - 1), fc.constantFrom(..."aB3-_ ")).map(([at, letter]) => text.slice(0, at) + letter + text.slice(at + 1))
      yield* Effect.promise(() => fc.assert(fc.asyncProperty(fc.oneof(fc.string(), mistyped.filter((each) => each !== text)), unknown)))
      const other = yield* (yield* keysAt(yield* storeFile)).create({ name: "a", scopes: [] })
      for (const each of ["", text.slice(4), `${text}\n`, ` ${text}`, text.toUpperCase()]) yield* Effect.promise(() => unknown(each))
      assert.strictEqual(yield* reasonFor(keys, other.key), "unknown")
    }).pipe(Effect.scoped))

  it.effect("works until the moment it expires, and says then that it has", () =>
    Effect.gen(function*() {
      const keys = yield* keysAt(yield* storeFile)
      const { key, made } = yield* keys.create({ name: "a", scopes: [], expires: 10_000 })
      yield* TestClock.adjust(9999)
      assert.deepStrictEqual(yield* keys.find(key), { id: made.id, name: "a", scopes: [], expires: 10_000 })
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* reasonFor(keys, key), "expired")
    }).pipe(Effect.scoped))

  it.effect("revoked by another process is refused here within five seconds, and the others still work", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const [gateway, cli] = [yield* keysAt(file), yield* keysAt(file)]
      const [one, two] = [yield* cli.create({ name: "one", scopes: [] }), yield* cli.create({ name: "two", scopes: [] })]
      yield* gateway.find(one.key)
      yield* gateway.find(two.key)
      assert.strictEqual((yield* cli.revoke("one"))?.id, one.made.id)
      assert.strictEqual(yield* reasonFor(cli, one.key), "revoked")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* reasonFor(gateway, one.key), "revoked")
      assert.strictEqual((yield* gateway.find(two.key)).name, "two")
    }).pipe(Effect.scoped))

  it.effect("that is asked for all the time is looked up again all the same", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const [gateway, cli] = [yield* keysAt(file), yield* keysAt(file)]
      const { key, made } = yield* cli.create({ name: "one", scopes: [] })
      yield* gateway.find(key)
      yield* cli.revoke(made.id)
      for (let second = 0; second < 5; second++) {
        yield* TestClock.adjust("1 second")
        yield* Effect.exit(gateway.find(key))
      }
      assert.strictEqual(yield* reasonFor(gateway, key), "revoked")
    }).pipe(Effect.scoped))

  it.effect("has a name of its own as long as it is in use, also when two processes want it at once", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const processes = [yield* keysAt(file), yield* keysAt(file)]
      const outcomes = yield* Effect.forEach(processes, (keys) => Effect.exit(keys.create({ name: "ci", scopes: [] })), { concurrency: 2 })
      assert.strictEqual(outcomes.filter(Exit.isSuccess).length, 1)
      const [keys] = processes
      if (keys === undefined) return
      assert.strictEqual((yield* Effect.flip(keys.create({ name: "ci", scopes: [] })))._tag, "NameTaken")
      yield* keys.revoke("ci")
      assert.isUndefined(yield* keys.revoke("ci"))
      assert.isUndefined(yield* keys.revoke("nobody"))
      yield* TestClock.adjust(1000)
      yield* keys.create({ name: "ci", scopes: ["new"] })
      assert.deepStrictEqual((yield* keys.list).map(({ name, revoked, scopes }) => [name, scopes, revoked !== undefined]), [["ci", [], true], ["ci", ["new"], false]])
    }).pipe(Effect.scoped))
})
