/** The vault over a real file, with processes that share it as several builds of it. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync } from "node:fs"
import { Store } from "../../src/store/Store.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { storeFile } from "../kit/store.ts"
import { heldKey, keyOf, secret, textOf, vaultAt } from "../kit/vault.ts"

const vaultWith = (file: string, seed = 1) => Effect.map(vaultAt(file, heldKey({ bytes: keyOf(seed) })), Context.get(Vault))

/** The vault, and the store below it for those who tamper. */
const both = Effect.fnUntraced(function*(file: string) {
  const services = yield* vaultAt(file, heldKey({ bytes: keyOf(1) }))
  return { vault: Context.get(services, Vault), store: Context.get(services, Store) }
})

describe("the vault", () => {
  it.effect("gives back what was put, to another process too, and nothing of it stands in the files", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const vault = yield* vaultWith(file)
      yield* vault.put("secrets", "issues", secret("hunter2-hunter2"))
      const opened = yield* (yield* vaultWith(file)).get("secrets", "issues")
      assert.strictEqual(textOf(opened), "hunter2-hunter2")
      assert.notInclude(JSON.stringify(opened), "hunter2")
      assert.isUndefined(yield* vault.get("tokens", "issues"))
      for (const each of [file, `${file}-wal`]) assert.isFalse(readFileSync(each).includes("hunter2"), each)
    }).pipe(Effect.scoped))

  it.effect("makes neither file nor key to be read, listed or checked, but for the first row", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const held: Parameters<typeof heldKey>[0] = { bytes: undefined }
      const vault = Context.get(yield* vaultAt(file, heldKey(held)), Vault)
      yield* vault.check
      assert.isUndefined(yield* vault.get("secrets", "a"))
      assert.deepStrictEqual(yield* vault.list("secrets"), [])
      assert.isFalse(yield* vault.remove("secrets", "a"))
      assert.isTrue(held.bytes === undefined && !existsSync(file))
      yield* vault.put("secrets", "a", secret("b"))
      assert.isTrue(held.bytes !== undefined && existsSync(file))
    }).pipe(Effect.scoped))

  it.effect("gives a row that is taken to one of many who ask, over all processes, and it is gone", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const vaults = yield* Effect.all([vaultWith(file), vaultWith(file)])
      yield* vaults[0].put("grants", "once", secret("hunter2"))
      const taking = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? vaults[0] : vaults[1]).take("grants", "once"))
      const taken = yield* Effect.all(taking, { concurrency: "unbounded" })
      assert.deepStrictEqual(taken.flatMap((each) => textOf(each) ?? []), ["hunter2"])
      assert.isUndefined(yield* vaults[0].get("grants", "once"))
    }).pipe(Effect.scoped))

  it.effect("lists names and dates of one table, removes, and knows when something was never there", () =>
    Effect.gen(function*() {
      const vault = yield* vaultWith(yield* storeFile)
      yield* TestClock.adjust(5000)
      for (const key of ["b", "a/1", "a/2"]) yield* vault.put("secrets", key, secret(key))
      yield* vault.put("tokens", "a/3", secret("t"), { expires: 9000 })
      assert.deepStrictEqual((yield* vault.list("secrets")).map(({ key, written }) => [key, written]), [["a/1", 5000], ["a/2", 5000], ["b", 5000]])
      assert.deepStrictEqual((yield* vault.list("secrets", "a/")).map(({ key }) => key), ["a/1", "a/2"])
      assert.strictEqual((yield* vault.list("tokens"))[0]?.expires, 9000)
      assert.isTrue(yield* vault.remove("secrets", "b"))
      assert.isFalse(yield* vault.remove("secrets", "b"))
      assert.isUndefined(yield* vault.get("secrets", "b"))
    }).pipe(Effect.scoped))

  it.effect("lets one of two writers through that read the same version; who does not ask always writes", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const [one, two] = [yield* vaultWith(file), yield* vaultWith(file)]
      const version = yield* one.put("tokens", "k", secret("0"), { replaces: 0 })
      const outcomes = yield* Effect.forEach([one, two], (vault) => Effect.exit(vault.put("tokens", "k", secret("1"), { replaces: version })), { concurrency: 2 })
      assert.strictEqual(outcomes.filter(Exit.isSuccess).length, 1)
      yield* Effect.forEach(Array.from({ length: 20 }), (_, i) => (i % 2 === 0 ? one : two).put("tokens", "k", secret(`${i}`)), { concurrency: 20 })
      assert.strictEqual((yield* Effect.flip(one.put("tokens", "k", secret("2"), { replaces: version })))._tag, "RowChanged")
    }).pipe(Effect.scoped))

  it.effect("forgets a row at the moment it expires, and has it out of the file a minute later", () =>
    Effect.gen(function*() {
      const { store, vault } = yield* both(yield* storeFile)
      yield* vault.put("tokens", "k", secret("v"), { expires: 10_000 })
      yield* TestClock.adjust(9999)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "v")
      yield* TestClock.adjust(1)
      assert.isUndefined(yield* vault.get("tokens", "k"))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* store.removeExpired, 0)
    }).pipe(Effect.scoped))
})

describe("a row that does not open", () => {
  const tampered = {
    "was changed": (value: Uint8Array) => value.map((byte, index) => index === value.length - 1 ? byte ^ 1 : byte),
    "is sealed with an unknown key": (value: Uint8Array) => value.map((byte, index) => index === 3 ? byte ^ 1 : byte),
    "is no sealed row": () => new Uint8Array([1, 2, 3])
  }
  for (const [what, tamper] of Object.entries(tampered)) {
    it.effect(`because it ${what} is set aside as it is, counted, and not deleted; the others open`, () =>
      Effect.gen(function*() {
        const { store, vault } = yield* both(yield* storeFile)
        yield* vault.put("tokens", "good", secret("good"))
        yield* vault.put("tokens", "bad", secret("bad"))
        const row = yield* store.get("vault", "tokens/bad")
        const value = tamper(row?.value ?? new Uint8Array())
        yield* store.apply([{ table: "vault", key: "tokens/bad", becomes: { version: row?.version ?? 0, written: 0, value } }])

        assert.isUndefined(yield* vault.get("tokens", "bad"))
        assert.strictEqual(textOf(yield* vault.get("tokens", "good")), "good")
        assert.strictEqual(yield* vault.setAside, 1)
        assert.isUndefined(yield* store.get("vault", "tokens/bad"))
        const [lost] = yield* store.list("vault_lost", "tokens/bad@")
        const kept = JSON.parse(new TextDecoder().decode(lost?.value))
        assert.strictEqual(kept.value, Buffer.from(value).toString("base64"))
        assert.isString(kept.reason)
        yield* vault.put("tokens", "bad", secret("new"))
        assert.strictEqual(textOf(yield* vault.get("tokens", "bad")), "new")
        assert.strictEqual(yield* vault.setAside, 1)
      }).pipe(Effect.scoped))
  }

  it.effect("because an older form of it, or another row, was put in its place, is set aside too", () =>
    Effect.gen(function*() {
      const { store, vault } = yield* both(yield* storeFile)
      yield* vault.put("tokens", "k", secret("old"))
      const old = yield* store.get("vault", "tokens/k")
      yield* vault.put("tokens", "k", secret("new"))
      const now = yield* store.get("vault", "tokens/k")
      yield* store.apply([
        { table: "vault", key: "tokens/k", becomes: { version: now?.version ?? 0, written: 0, value: old?.value ?? new Uint8Array() } },
        { table: "vault", key: "tokens/mine", becomes: { version: old?.version ?? 0, written: 0, value: old?.value ?? new Uint8Array() } }
      ])
      assert.isUndefined(yield* vault.get("tokens", "k"))
      assert.isUndefined(yield* vault.get("tokens", "mine"))
      assert.strictEqual(yield* vault.setAside, 2)
    }).pipe(Effect.scoped))
})

describe("a key that is not the one of the vault", () => {
  it.effect("opens nothing, says so without the key, and sets nothing aside", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const right = yield* vaultWith(file, 1)
      yield* right.put("secrets", "a", secret("v"))
      const wrong = yield* vaultWith(file, 2)
      for (const attempt of [wrong.check, Effect.asVoid(wrong.get("secrets", "a")), Effect.asVoid(wrong.put("secrets", "a", secret("w")))]) {
        const error = yield* Effect.flip(attempt)
        assert.match(error.message, /^The vault's key from the test cannot be used: it is another one \([0-9a-f]{16}\) than the vault is sealed with/u)
      }
      const gone = Context.get(yield* vaultAt(file, heldKey({ bytes: undefined })), Vault)
      assert.include((yield* Effect.flip(gone.check)).message, "it is gone")
      assert.strictEqual(yield* right.setAside, 0)
      assert.strictEqual(textOf(yield* right.get("secrets", "a")), "v")
    }).pipe(Effect.scoped))

  it.effect("is refused also where both are there first: one key makes the vault, the other process learns that it has another", () =>
    Effect.gen(function*() {
      const file = yield* storeFile
      const vaults = yield* Effect.forEach([1, 1, 2], (seed) => vaultWith(file, seed))
      const outcomes = yield* Effect.forEach(vaults, (vault, index) => Effect.exit(vault.put("secrets", `${index}`, secret("v"))), { concurrency: 3 })
      assert.deepStrictEqual(outcomes.map(Exit.isSuccess), [true, true, false])
    }).pipe(Effect.scoped))
})
