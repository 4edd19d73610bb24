import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Slot from "../../src/lib/Slot.ts"

describe("a slot", () => {
  it.effect("refuses when it is empty, instead of waiting", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      assert.strictEqual(yield* Effect.flip(slot.use(() => "vacant", () => Effect.void)), "vacant")
      assert.isUndefined(slot.current())
    }))

  it.effect("lets a call finish on what it started with, while new calls get the new one", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      const first = yield* placed(slot, "first")
      const { finish, fiber } = yield* heldBy(slot)

      const second = yield* placed(slot, "second")
      assert.strictEqual(yield* slot.use(() => "vacant", ({ name }) => Effect.succeed(name)), "second")
      yield* settle
      assert.isFalse(first.closed, "still has a user")

      yield* finish
      assert.strictEqual(yield* Fiber.join(fiber), "first")
      yield* settle
      assert.isTrue(first.closed)
      assert.isFalse(second.closed)
    }))

  it.effect("closes the old one at the drain limit, not before, when a user does not leave", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      const first = yield* placed(slot, "first")
      yield* heldBy(slot)
      yield* placed(slot, "second")
      yield* settle
      yield* TestClock.adjust("29 seconds")
      assert.isFalse(first.closed)
      yield* TestClock.adjust("1 second")
      assert.isTrue(first.closed)
    }))

  it.effect("waits for the last user when it is vacated, and takes no new one meanwhile", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      const only = yield* placed(slot, "only")
      const { finish } = yield* heldBy(slot)
      const leaving = yield* Effect.forkChild(slot.vacate)
      yield* settle
      assert.isUndefined(leaving.pollUnsafe())
      assert.strictEqual(yield* Effect.flip(slot.use(() => "vacant", () => Effect.void)), "vacant")
      yield* finish
      yield* Fiber.join(leaving)
      assert.isTrue(only.closed)
    }))

  it.effect("never runs anyone on a closed instance, however often it is replaced under load", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      const made = [yield* placed(slot, "0")]
      const calls = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: 3000 }),
        () =>
          slot.use(() => "vacant", (held) =>
            Effect.gen(function*() {
              assert.isFalse(held.closed)
              yield* Effect.yieldNow
              yield* Effect.yieldNow
              assert.isFalse(held.closed)
            })),
        { concurrency: 20, discard: true }
      ))
      for (let i = 1; i <= 100; i++) {
        made.push(yield* placed(slot, `${i}`))
        yield* Effect.yieldNow
      }
      yield* Fiber.join(calls)
      yield* slot.vacate
      yield* settle
      assert.deepStrictEqual(made.filter(({ closed }) => !closed), [])
    }))

  it.effect("forgets a user whose work throws before it has begun", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      const only = yield* placed(slot, "only")
      const exit = yield* Effect.exit(slot.use(() => "vacant", (): Effect.Effect<void> => {
        throw new Error("no effect at all")
      }))
      assert.isTrue(Exit.isFailure(exit))
      yield* slot.vacate
      assert.isTrue(only.closed)
    }))

  it.effect("forgets a user that is interrupted, at whichever step that happens", () =>
    Effect.gen(function*() {
      const slot = yield* emptySlot
      // A fiber gives way after 2048 steps, two in each round below; each offset lets that fall on another step of `use`.
      for (let before = 950; before < 1050; before++) {
        const only = yield* placed(slot, "only")
        const steps = Effect.gen(function*() {
          for (let i = 0; i < before; i++) yield* Effect.suspend(() => Effect.void)
          return yield* slot.use(() => "vacant", () => Effect.never)
        })
        const fiber = yield* Effect.forkChild(steps, { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        const vacated = yield* Effect.forkChild(slot.vacate, { startImmediately: true })
        yield* settle
        assert.isTrue(only.closed, `after ${before} steps`)
        yield* Fiber.join(vacated)
      }
    }))
})

const DRAIN = Duration.seconds(30)

interface Instance {
  readonly name: string
  closed: boolean
}

const emptySlot = Effect.map(Effect.scope, (scope) => Slot.make<Instance>(DRAIN, scope))

const placed = Effect.fnUntraced(function*(slot: Slot.Slot<Instance>, name: string) {
  const instance: Instance = { name, closed: false }
  const scope = yield* Scope.make()
  yield* Scope.addFinalizer(scope, Effect.sync(() => {
    instance.closed = true
  }))
  yield* slot.replace(instance, scope)
  return instance
})

/** Someone who uses the slot until told to finish. */
const heldBy = Effect.fnUntraced(function*(slot: Slot.Slot<Instance>) {
  const done = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(
    slot.use(() => "vacant", ({ name }) => Effect.as(Deferred.await(done), name)),
    { startImmediately: true }
  )
  return { fiber, finish: Deferred.succeed(done, undefined) }
})

/** Lets everything that can run without time passing run. */
const settle = Effect.repeat(Effect.yieldNow, { times: 20 })
