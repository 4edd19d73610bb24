/** One refresh for many callers, over builds of the vault that share a file as processes do. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Store } from "../../src/store/Store.ts"
import { type Fresh, RefreshFailed } from "../../src/plugin/Keep.ts"
import { FAILURE_MILLIS, LEASE_MILLIS, LEASES } from "../../src/vault/Refreshing.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { becomes, storeFile } from "../kit/store.ts"
import { heldKey, keyOf, secret, textOf, vaultAt } from "../kit/vault.ts"

/** So many processes with one row between them, and a refresh that is counted. */
const shared = Effect.fnUntraced(function*(processes: number, answer: Effect.Effect<Fresh, RefreshFailed>) {
  const file = yield* storeFile
  const services = yield* Effect.forEach(Array.from({ length: processes }), () => vaultAt(file, heldKey({ bytes: keyOf(1) })))
  const vaults = services.map((each) => Context.get(each, Vault))
  const [first] = services
  if (first === undefined) return yield* Effect.die("no process")
  const vault = Context.get(first, Vault)
  const seen = yield* vault.put("tokens", "k", secret("old"))
  const count = { refreshes: 0 }
  const refresh = () => Effect.andThen(Effect.sync(() => count.refreshes++), answer)
  const ask = (vault: Vault["Service"], version = seen) => vault.refreshing({ table: "tokens", key: "k", seen: version, refresh })
  return { vaults, vault, store: Context.get(first, Store), seen, ask, count }
})

const fresh = Effect.succeed({ value: secret("new") })
const refused = Effect.fail(new RefreshFailed({ reason: "the grant is gone", final: true }))

describe("a refresh", () => {
  it.live("is made once for all who ask, in whatever process, and all get the new value", () =>
    Effect.gen(function*() {
      const { ask, count, vault, vaults } = yield* shared(3, fresh)
      const callers = vaults.flatMap((each) => Array.from({ length: 30 }, () => ask(each)))
      const got = yield* Effect.forEach(callers, (each) => each, { concurrency: "unbounded" })
      assert.deepStrictEqual([...new Set(got.map(textOf))], ["new"])
      assert.strictEqual(count.refreshes, 1)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "new")
    }).pipe(Effect.scoped))

  it.effect("is not made for who saw an older version than there is: that one is the outcome", () =>
    Effect.gen(function*() {
      const { ask, count, vault } = yield* shared(1, fresh)
      yield* vault.put("tokens", "k", secret("newer"))
      assert.strictEqual(textOf(yield* ask(vault)), "newer")
      assert.strictEqual(count.refreshes, 0)
    }).pipe(Effect.scoped))

  it.effect("that fails fails for all, keeps the row, and is not tried again for five seconds", () =>
    Effect.gen(function*() {
      const { ask, count, seen, vault, vaults } = yield* shared(2, refused)
      const [, other = vault] = vaults
      const errors = yield* Effect.forEach([vault, vault, other], (each) => Effect.flip(ask(each)))
      assert.deepStrictEqual(errors.map(({ message }) => message), Array.from({ length: 3 }, () => "It could not be refreshed: the grant is gone"))
      assert.isTrue(errors.every((error) => error._tag === "RefreshFailed" && error.final))
      assert.strictEqual(count.refreshes, 1)
      assert.strictEqual((yield* vault.get("tokens", "k"))?.version, seen)
      yield* TestClock.adjust(FAILURE_MILLIS)
      yield* Effect.flip(ask(other))
      assert.strictEqual(count.refreshes, 2)
      assert.strictEqual(textOf(yield* vault.get("tokens", "k")), "old")
    }).pipe(Effect.scoped))

  it.effect("whose process died with the lease is taken over when that runs out, not before", () =>
    Effect.gen(function*() {
      const { ask, count, seen, store, vault } = yield* shared(1, fresh)
      yield* store.apply([{ table: LEASES, key: "tokens/k", becomes: becomes(JSON.stringify({ seen }), 1, LEASE_MILLIS) }])
      const waiting = yield* Effect.forkChild(ask(vault), { startImmediately: true })
      // Long enough for one that does not wait to be through.
      const others = Effect.forEach(Array.from({ length: 20 }), () => vault.get("tokens", "k"))
      yield* others
      yield* TestClock.adjust(LEASE_MILLIS - 1)
      yield* others
      assert.strictEqual(count.refreshes, 0)
      yield* TestClock.adjust(1000)
      assert.strictEqual(textOf(yield* Fiber.join(waiting)), "new")
      assert.strictEqual(count.refreshes, 1)
    }).pipe(Effect.scoped))

  it.effect("goes on when its caller goes: the answer is stored, and the next one finds it", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<Fresh>()
      const { ask, count, vault } = yield* shared(1, Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(answer)))
      const caller = yield* Effect.forkChild(ask(vault), { startImmediately: true })
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(answer, { value: secret("new") })
      assert.strictEqual(textOf(yield* ask(vault)), "new")
      assert.strictEqual(count.refreshes, 1)
    }).pipe(Effect.scoped))

  it.effect("that takes too long is given up while its lease still holds, and fails for now, not for good", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const { ask, vault } = yield* shared(1, Effect.andThen(Deferred.succeed(asked, undefined), Effect.never))
      const caller = yield* Effect.forkChild(Effect.flip(ask(vault)), { startImmediately: true })
      yield* Deferred.await(asked)
      yield* TestClock.adjust(LEASE_MILLIS - 1)
      const error = yield* Fiber.join(caller)
      assert.isTrue(error._tag === "RefreshFailed" && !error.final && error.reason.includes("longer than 20 seconds"))
    }).pipe(Effect.scoped))

  it.effect("does not bring a row back that was removed meanwhile, nor write over one that came from a new consent", () =>
    Effect.gen(function*() {
      const during: { run: Effect.Effect<unknown> } = { run: Effect.void }
      const { ask, seen, vault } = yield* shared(1, Effect.suspend(() => Effect.andThen(during.run, fresh)))
      during.run = Effect.orDie(vault.put("tokens", "k", secret("consented")))
      assert.strictEqual(textOf(yield* ask(vault, seen)), "consented")
      const now = yield* vault.get("tokens", "k")
      during.run = Effect.orDie(vault.remove("tokens", "k"))
      const exit = yield* Effect.exit(ask(vault, now?.version))
      assert.isTrue(Exit.isFailure(exit))
      assert.isUndefined(yield* vault.get("tokens", "k"))
    }).pipe(Effect.scoped))

  it.effect("hands the row to the refresh redacted, and its errors hold nothing of it", () =>
    Effect.gen(function*() {
      const { seen, vault } = yield* shared(1, fresh)
      const given: Array<unknown> = []
      yield* vault.refreshing({ table: "tokens", key: "k", seen, refresh: (row) => Effect.sync(() => {
        given.push(row, Redacted.value(row.value))
        return { value: secret("new") }
      }) })
      assert.notInclude(JSON.stringify(given[0]), "old")
      assert.strictEqual(given[1], "old")
    }).pipe(Effect.scoped))
})
