import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type Identity, isHandle, type Parked, Parking } from "../../src/mcp/Parking.ts"

const identity: Identity = { principal: { issuer: "i", subject: "ada" }, method: "tools/call", params: "{\"name\":\"t\"}" }

const callOf = (subject = "ada", size = 100): Parked => ({
  size,
  identity: { ...identity, principal: { issuer: "i", subject } },
  questions: new Map(),
  fiber: undefined,
  turn: undefined,
  ending: undefined,
  asked: 0,
  expires: 0
})

const parked = Effect.fnUntraced(function*(call: Parked) {
  const parking = yield* Parking
  const handle = yield* parking.park(call)
  return { parking, handle: handle ?? "none" }
})

describe("parked calls", () => {
  it.effect("come back once by their handle, and not a second time", () =>
    Effect.gen(function*() {
      const call = callOf()
      const { handle, parking } = yield* parked(call)
      assert.isTrue(isHandle(handle))
      assert.strictEqual(yield* parking.take(handle, identity), call)
      assert.isUndefined(yield* parking.take(handle, identity))
    }).pipe(Effect.provide(Parking.layer)))

  it.effect.each<readonly [string, Identity]>([
    ["another principal", { ...identity, principal: { issuer: "i", subject: "mallory" } }],
    ["the same subject of another issuer", { ...identity, principal: { issuer: "j", subject: "ada" } }],
    ["another method", { ...identity, method: "prompts/get" }],
    ["other parameters", { ...identity, params: "{\"name\":\"u\"}" }]
  ])("do not come back for %s, and are still there for their own", ([_, other]) =>
    Effect.gen(function*() {
      const call = callOf()
      const { handle, parking } = yield* parked(call)
      assert.isUndefined(yield* parking.take(handle, other))
      assert.strictEqual(yield* parking.take(handle, identity), call)
    }).pipe(Effect.provide(Parking.layer)))

  it.effect("end after ten minutes, not before, and what they kept running is stopped", () =>
    Effect.gen(function*() {
      const call = callOf()
      const running = yield* Effect.forkChild(Effect.never)
      call.fiber = running
      const { handle, parking } = yield* parked(call)
      yield* TestClock.adjust("9 minutes")
      assert.isUndefined(running.pollUnsafe())
      yield* TestClock.adjust("70 seconds")
      assert.strictEqual(parking.count(), 0)
      assert.isUndefined(yield* parking.take(handle, identity))
      assert.strictEqual((yield* Fiber.await(running))._tag, "Failure")
    }).pipe(Effect.provide(Parking.layer)))

  it.effect("hold 64 MiB at most, with the answers that are kept for them", () =>
    Effect.gen(function*() {
      const parking = yield* Parking
      const large = callOf("ada", 63 * 1024 * 1024)
      const handle = yield* parking.park(large)
      assert.isUndefined(yield* parking.park(callOf("bob", 2 * 1024 * 1024)))
      const small = callOf("bob", 1000)
      assert.isDefined(yield* parking.park(small))
      assert.isFalse(parking.mayKeep(small, 1024 * 1024))
      assert.isTrue(parking.mayKeep(small, 1000))
      yield* parking.take(handle ?? "none", identity)
      assert.isTrue(parking.mayKeep(small, 1024 * 1024))
    }).pipe(Effect.provide(Parking.layer)))

  it.effect("are limited for each principal, so that one cannot take the room of all", () =>
    Effect.gen(function*() {
      const parking = yield* Parking
      for (let count = 0; count < 100; count++) assert.isDefined(yield* parking.park(callOf()))
      assert.isUndefined(yield* parking.park(callOf()))
      assert.isDefined(yield* parking.park(callOf("bob")))
    }).pipe(Effect.provide(Parking.layer)))
})
