/** Rotation, with processes that share a store: killed at every point, with writers beside it, and what is left after it. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Store } from "../../src/store/Store.ts"
import { KeySource } from "../../src/vault/KeySource.ts"
import { GRACE_MILLIS, Rotation } from "../../src/vault/Rotation.ts"
import { keyIdOf, Sealing } from "../../src/vault/Sealing.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { storeAt, storeFile } from "../kit/store.ts"
import { heldKey, keyOf, secret, textOf } from "../kit/vault.ts"

/** One process over the store, with the key that `held` has when it looks. */
const process = Effect.fnUntraced(function*(store: Store["Service"], key: Layer.Layer<KeySource>) {
  const whole = Rotation.layer.pipe(Layer.provideMerge(Vault.whole), Layer.provideMerge(Layer.succeed(Store, store)), Layer.provideMerge(key))
  const services = yield* Layer.build(Layer.fresh(whole))
  return { vault: Context.get(services, Vault), rotation: Context.get(services, Rotation), sealing: Context.get(services, Sealing) }
})

const NAMES = Array.from({ length: 7 }, (_, index) => `row ${index}`)

/** A store with seven rows under key 1. */
const filled = Effect.gen(function*() {
  const store = yield* Effect.provide(Store, Store.memory, { local: true })
  const { vault } = yield* process(store, heldKey({ bytes: keyOf(1) }))
  yield* Effect.forEach(NAMES, (name) => vault.put(name.endsWith("3") ? "tokens" : "secrets", name, secret(name)))
  return store
})

/** All rows as a process with this key reads them. */
const readWith = Effect.fnUntraced(function*(store: Store["Service"], seed: number) {
  const { vault } = yield* process(store, heldKey({ bytes: keyOf(seed) }))
  return yield* Effect.forEach(NAMES, (name) => Effect.map(vault.get(name.endsWith("3") ? "tokens" : "secrets", name), textOf))
})

/** The store as a process sees it that is killed before its operation number `last`. */
const dying = (store: Store["Service"], last: number): Store["Service"] => {
  let done = 0
  const counted = <A, E>(effect: Effect.Effect<A, E>) => Effect.suspend(() => ++done > last ? Effect.interrupt : effect)
  return Store.of({
    get: (table, key) => counted(store.get(table, key)),
    list: (table, prefix) => counted(store.list(table, prefix)),
    apply: (changes) => counted(store.apply(changes)),
    removeExpired: counted(store.removeExpired)
  })
}

describe("a rotation", () => {
  it.effect("leaves every row open to the new key and none to the old, when the time of grace is over", () =>
    Effect.gen(function*() {
      const store = yield* filled
      const { rotation, sealing } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      const done = yield* rotation.rotate(keyOf(2), Effect.void)
      assert.strictEqual(done.rows, 7)
      assert.isFalse(done.resumed)
      assert.deepStrictEqual(yield* readWith(store, 2), NAMES)
      assert.deepStrictEqual(yield* readWith(store, 1), NAMES)
      yield* TestClock.adjust(GRACE_MILLIS)
      assert.deepStrictEqual(yield* readWith(store, 2), NAMES)
      assert.include((yield* Effect.flip(readWith(store, 1))).message, "it is another one")
      const next = yield* sealing.masterKey(keyOf(2))
      const rows = [...yield* store.list("vault", ""), ...yield* store.list("vault_keys", "retired/")]
      assert.deepStrictEqual([...new Set(rows.map(({ value }) => keyIdOf(value)))], [next.id])
    }).pipe(Effect.scoped))

  it.effect("killed at any point leaves every row readable, and goes on to the same end", () =>
    Effect.gen(function*() {
      let isDone = false
      let points = 0
      for (let last = 0; !isDone; last++, points++) {
        const store = yield* filled
        const held = { bytes: keyOf(1) }
        const killed = yield* process(dying(store, last), heldKey(held))
        const replaced = Effect.sync(() => void (held.bytes = keyOf(2)))
        isDone = Exit.isSuccess(yield* Effect.exit(killed.rotation.rotate(keyOf(2), replaced)))
        yield* TestClock.adjust("1 hour")

        const { rotation, vault } = yield* process(store, heldKey(held))
        const found = yield* Effect.forEach(NAMES, (name) => Effect.map(vault.get(name.endsWith("3") ? "tokens" : "secrets", name), textOf))
        assert.deepStrictEqual(found, NAMES, `killed before operation ${last}`)
        const unfinished = yield* rotation.unfinished
        if (unfinished !== undefined) yield* rotation.rotate(unfinished, replaced)
        else if (!isDone && held.bytes === keyOf(1)) yield* rotation.rotate(keyOf(2), replaced)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* (yield* process(store, heldKey(held))).vault.setAside, 0)
        assert.isUndefined(yield* rotation.unfinished)
        if (unfinished !== undefined || isDone) {
          assert.deepStrictEqual(yield* readWith(store, 2), NAMES)
          yield* Effect.flip(readWith(store, 1))
        }
      }
      assert.isAbove(points, 25)
    }).pipe(Effect.scoped))

  it.effect("goes by a gateway that runs: it reads, writes and goes on with the new key, without being told", () =>
    Effect.gen(function*() {
      const store = yield* filled
      const running = yield* process(store, heldKey({ bytes: keyOf(1) }))
      assert.strictEqual(textOf(yield* running.vault.get("secrets", "row 1")), "row 1")
      const { rotation, sealing } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      const during = Effect.gen(function*() {
        assert.strictEqual(textOf(yield* running.vault.get("secrets", "row 1")), "row 1")
        yield* running.vault.put("secrets", "during", secret("during"))
      })
      yield* rotation.rotate(keyOf(2), Effect.orDie(during))
      yield* TestClock.adjust("1 hour")
      yield* running.vault.put("secrets", "after", secret("after"))
      assert.strictEqual(textOf(yield* running.vault.get("secrets", "during")), "during")
      const next = yield* sealing.masterKey(keyOf(2))
      assert.deepStrictEqual([...new Set((yield* store.list("vault", "")).map(({ value }) => keyIdOf(value)))], [next.id])
    }).pipe(Effect.scoped))

  it.effect("keeps the versions: who read a row before may write over it after", () =>
    Effect.gen(function*() {
      const store = yield* filled
      const running = yield* process(store, heldKey({ bytes: keyOf(1) }))
      const before = yield* running.vault.get("tokens", "row 3")
      const { rotation } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      yield* rotation.rotate(keyOf(2), Effect.void)
      yield* running.vault.put("tokens", "row 3", secret("new"), { replaces: before?.version ?? 0 })
      assert.strictEqual(textOf(yield* running.vault.get("tokens", "row 3")), "new")
    }).pipe(Effect.scoped))

  it.effect("still opens a row that was written late under the key before, and seals it anew the next time", () =>
    Effect.gen(function*() {
      const store = yield* filled
      const { rotation, sealing } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      const old = yield* store.get("vault", "secrets/row 1")
      yield* rotation.rotate(keyOf(2), Effect.void)
      if (old !== undefined) yield* store.apply([{ table: "vault", key: old.key, becomes: old }])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* readWith(store, 2), NAMES)
      const again = yield* process(store, heldKey({ bytes: keyOf(2) }))
      yield* again.rotation.rotate(keyOf(3), Effect.void)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* readWith(store, 3), NAMES)
      for (const seed of [1, 2]) yield* Effect.flip(readWith(store, seed))
      const first = yield* sealing.masterKey(keyOf(1))
      assert.isFalse((yield* store.list("vault_keys", "")).some(({ key, value }) => key.endsWith(first.id) || keyIdOf(value) === first.id))
    }).pipe(Effect.scoped))

  it.effect("sets a row aside that does not open, and is not stopped by it", () =>
    Effect.gen(function*() {
      const store = yield* filled
      const bad = yield* store.get("vault", "secrets/row 1")
      if (bad !== undefined) yield* store.apply([{ table: "vault", key: bad.key, becomes: { ...bad, value: bad.value.map((byte, index) => index === 30 ? byte ^ 1 : byte) } }])
      const { rotation, vault } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      assert.strictEqual((yield* rotation.rotate(keyOf(2), Effect.void)).rows, 7)
      assert.strictEqual(yield* vault.setAside, 1)
      assert.deepStrictEqual(yield* readWith(store, 2), NAMES.map((name) => name === "row 1" ? undefined : name))
    }).pipe(Effect.scoped))

  it.effect("is refused to the key in force, to the one before it, to a third one half-way, and where nothing is sealed", () =>
    Effect.gen(function*() {
      const reasonFor = (rotation: Rotation["Service"], seed: number) =>
        Effect.map(Effect.flip(rotation.rotate(keyOf(seed), Effect.void)), ({ message }) => message.replace(/\([0-9a-f]{16}\)/u, "(id)"))
      const empty = yield* process(yield* Effect.provide(Store, Store.memory, { local: true }), heldKey({ bytes: keyOf(1) }))
      assert.include(yield* reasonFor(empty.rotation, 2), "nothing was ever sealed")
      const store = yield* filled
      const { rotation } = yield* process(store, heldKey({ bytes: keyOf(1) }))
      assert.include(yield* reasonFor(rotation, 1), "the new key is the one in force")
      yield* Effect.exit(rotation.rotate(keyOf(2), Effect.interrupt))
      assert.include(yield* reasonFor(rotation, 3), "a rotation to another key (id) is not finished")
      yield* rotation.rotate(keyOf(2), Effect.void)
      assert.include(yield* reasonFor(rotation, 1), "the one before this")
      yield* store.apply([{ table: "vault", key: "future/x", becomes: { value: new Uint8Array(60), version: 1, written: 0 } }])
      assert.include(yield* reasonFor(rotation, 3), "\"future/x\" in the vault is of a newer version")
    }).pipe(Effect.scoped))

  it.effect("takes a store file from one to the other as well, and a running process keeps its place in it", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const running = yield* process(yield* storeAt(file), heldKey({ bytes: keyOf(1) }))
      yield* running.vault.put("secrets", "a", secret("v"))
      const { rotation } = yield* process(yield* storeAt(file), heldKey({ bytes: keyOf(1) }))
      yield* rotation.rotate(keyOf(2), Effect.void)
      assert.strictEqual(textOf(yield* running.vault.get("secrets", "a")), "v")
      yield* TestClock.adjust(GRACE_MILLIS)
      const fresh = yield* process(yield* storeAt(file), heldKey({ bytes: keyOf(2) }))
      assert.strictEqual(textOf(yield* fresh.vault.get("secrets", "a")), "v")
    }).pipe(Effect.scoped))
})
