/** What every store promises, over the one in memory and the one in a file; then what only a file can do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, statSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Store, versionAfter } from "../../src/store/Store.ts"
import { becomes, bytes, folder, storeAt, storeFile, text } from "../kit/store.ts"

const kinds = {
  memory: Effect.provide(Store, Store.memory, { local: true }),
  file: Effect.flatMap(storeFile, (file) => storeAt(file))
}

for (const [kind, made] of Object.entries(kinds)) {
  describe(`a store in ${kind}`, () => {
    it.effect("gives back the bytes, and nothing under another key or in another table", () =>
      Effect.gen(function*() {
        const store = yield* made
        const value = new Uint8Array([0, 255, 10, 0])
        yield* store.apply([{ table: "a", key: "k", replaces: 0, becomes: { value, version: 7, written: 3 } }])
        const row = yield* store.get("a", "k")
        assert.deepStrictEqual({ ...row, value: [...row?.value ?? []] }, { key: "k", value: [0, 255, 10, 0], version: 7, written: 3 })
        assert.isUndefined(yield* store.get("b", "k"))
        assert.isUndefined(yield* store.get("a", "K"))
      }).pipe(Effect.scoped))

    it.effect("writes over the version that was read, not over one that somebody else wrote since", () =>
      Effect.gen(function*() {
        const store = yield* made
        const put = (replaces: number, value: string, version: number) =>
          store.apply([{ table: "a", key: "k", replaces, becomes: becomes(value, version) }])
        yield* put(0, "one", 1)
        yield* put(1, "two", 2)
        for (const stale of [0, 1, 3]) assert.strictEqual((yield* Effect.flip(put(stale, "lost", 9)))._tag, "RowChanged")
        assert.strictEqual((yield* Effect.flip(store.apply([{ table: "a", key: "k", replaces: 1 }])))._tag, "RowChanged")
        assert.strictEqual(text((yield* store.get("a", "k"))?.value), "two")
        yield* store.apply([{ table: "a", key: "k", replaces: 2 }])
        assert.isUndefined(yield* store.get("a", "k"))
      }).pipe(Effect.scoped))

    it.effect("makes all changes or, when one does not fit, none", () =>
      Effect.gen(function*() {
        const store = yield* made
        yield* store.apply([{ table: "a", key: "old", becomes: becomes("old", 1) }])
        const changes = [
          { table: "a", key: "new", replaces: 0, becomes: becomes("new", 1) },
          { table: "a", key: "old", replaces: 1 },
          { table: "b", key: "x", replaces: 5, becomes: becomes("x", 6) }
        ]
        assert.strictEqual((yield* Effect.flip(store.apply(changes)))._tag, "RowChanged")
        assert.deepStrictEqual((yield* store.list("a", "")).map(({ key }) => key), ["old"])
      }).pipe(Effect.scoped))

    it.effect("lists by prefix, in order, and takes % and _ as they are", () =>
      Effect.gen(function*() {
        const store = yield* made
        yield* store.apply(["b", "a_1", "a%1", "ab", "A"].map((key) => ({ table: "t", key, becomes: becomes(key, 1) })))
        assert.deepStrictEqual((yield* store.list("t", "")).map(({ key }) => key), ["A", "a%1", "a_1", "ab", "b"])
        assert.deepStrictEqual((yield* store.list("t", "a_")).map(({ key }) => key), ["a_1"])
        assert.deepStrictEqual(yield* store.list("other", ""), [])
      }).pipe(Effect.scoped))

    it.effect("has no row any more at the moment it expires, keeps the others, and lets it be made anew", () =>
      Effect.gen(function*() {
        const store = yield* made
        yield* store.apply([
          { table: "a", key: "short", becomes: becomes("short", 1, 1000) },
          { table: "a", key: "long", becomes: becomes("long", 1, 2000) },
          { table: "b", key: "ever", becomes: becomes("ever", 1) }
        ])
        yield* TestClock.adjust(999)
        assert.strictEqual((yield* store.get("a", "short"))?.expires, 1000)
        yield* TestClock.adjust(1)
        assert.isUndefined(yield* store.get("a", "short"))
        assert.deepStrictEqual((yield* store.list("a", "")).map(({ key }) => key), ["long"])
        assert.strictEqual(yield* store.removeExpired, 1)
        assert.strictEqual(yield* store.removeExpired, 0)
        yield* TestClock.adjust(1000)
        yield* store.apply([{ table: "a", key: "long", replaces: 0, becomes: becomes("again", 5) }])
        assert.strictEqual(text((yield* store.get("a", "long"))?.value), "again")
        assert.isDefined(yield* store.get("b", "ever"))
      }).pipe(Effect.scoped))
  })
}

describe("a store file", () => {
  it.effect("takes times with fractions, which some clocks give", () =>
    Effect.gen(function*() {
      const store = yield* storeAt(yield* storeFile)
      const value = bytes("v")
      yield* store.apply([{ table: "a", key: "k", becomes: { value, version: versionAfter(undefined, 0.3), written: 1.5, expires: 9.9 } }])
      assert.strictEqual((yield* store.get("a", "k"))?.expires, 9)
    }).pipe(Effect.scoped))

  it.effect("is made by the first write, not by reading, for its owner alone", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const store = yield* storeAt(file)
      assert.isUndefined(yield* store.get("a", "k"))
      assert.deepStrictEqual(yield* store.list("a", ""), [])
      assert.strictEqual(yield* store.removeExpired, 0)
      assert.isFalse(existsSync(file))
      yield* store.apply([{ table: "a", key: "k", becomes: becomes("v", 1) }])
      for (const each of [file, `${file}-wal`, `${file}-shm`]) assert.strictEqual(statSync(each).mode & 0o777, 0o600, each)
    }).pipe(Effect.scoped))

  it.effect("is shared: two who read the same version do not both write it, and each sees the other", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const [one, two] = [yield* storeAt(file), yield* storeAt(file)]
      const put = (store: Store["Service"], value: string) => store.apply([{ table: "a", key: "k", replaces: 0, becomes: becomes(value, 1) }])
      yield* put(one, "one")
      assert.strictEqual((yield* Effect.flip(put(two, "two")))._tag, "RowChanged")
      assert.strictEqual(text((yield* two.get("a", "k"))?.value), "one")
    }).pipe(Effect.scoped))

  it.effect("keeps its rows for the next process", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(scope)(storeAt(file))
      yield* first.apply([{ table: "a", key: "k", becomes: becomes("v", 1) }])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(text((yield* (yield* storeAt(file)).get("a", "k"))?.value), "v")
    }).pipe(Effect.scoped))

  it.effect("that is full refuses, holds nothing half written, still reads, and goes on when there is room", () =>
    Effect.gen(function*() {
      const store = yield* storeAt(yield* storeFile, 200_000)
      const large = new Uint8Array(60_000)
      const put = (...keys: ReadonlyArray<string>) =>
        store.apply(keys.map((key) => ({ table: "a", key, becomes: { value: large, version: 1, written: 0 } })))
      yield* put("1")
      const failed = yield* Effect.flip(put("2", "3", "4", "5"))
      assert.strictEqual(failed._tag === "StoreFailed" && failed.trouble, "full")
      assert.include(failed.message, "no room left")
      assert.deepStrictEqual((yield* store.list("a", "")).map(({ key }) => key), ["1"])
      yield* put("2")
      assert.strictEqual((yield* store.list("a", "")).length, 2)
    }).pipe(Effect.scoped))

  it.effect("that another process holds is waited for, and given up on after a while", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const store = yield* storeAt(file)
      yield* store.apply([{ table: "a", key: "k", becomes: becomes("v", 1) }])
      const other = new DatabaseSync(file)
      yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
      other.exec("BEGIN IMMEDIATE")
      assert.strictEqual(text((yield* store.get("a", "k"))?.value), "v")
      const write = store.apply([{ table: "a", key: "k", becomes: becomes("w", 2) }])
      const first = yield* Effect.forkChild(Effect.exit(write), { startImmediately: true })
      other.exec("COMMIT")
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))

      other.exec("BEGIN IMMEDIATE")
      const second = yield* Effect.forkChild(Effect.flip(write), { startImmediately: true })
      for (let tries = 0; tries < 61; tries++) yield* TestClock.adjust("100 millis")
      const error = yield* Fiber.join(second)
      assert.strictEqual(error._tag === "StoreFailed" && error.trouble, "locked")
      other.exec("ROLLBACK")
    }).pipe(Effect.scoped))

  it.effect("of a newer version, one that is no store, and one that is a folder are refused and left alone", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const troubleAt = (file: string) =>
        Effect.map(Effect.flip(Effect.flatMap(storeAt(file), (store) => store.get("a", "k"))), ({ trouble }) => trouble)
      const newer = new DatabaseSync(`${directory}/newer.db`)
      newer.exec("PRAGMA user_version = 99")
      newer.close()
      writeFileSync(`${directory}/text.db`, bytes("This is a text, long enough to be taken for the head of some file.\n".repeat(99)))
      assert.strictEqual(yield* troubleAt(`${directory}/newer.db`), "newer")
      assert.strictEqual(yield* troubleAt(`${directory}/text.db`), "damaged")
      assert.strictEqual(yield* troubleAt(directory), "unavailable")
    }).pipe(Effect.scoped))
})
