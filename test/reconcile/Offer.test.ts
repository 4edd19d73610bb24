import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Connection } from "../../src/backend/Connection.ts"
import type { Opened } from "../../src/backend/Opened.ts"
import * as Offers from "../../src/reconcile/Offer.ts"

const CHANGED = "notifications/tools/list_changed"

describe("the lists of an instance", () => {
  it.effect("are read once more for all announcements that come while they are read", () =>
    Effect.gen(function*() {
      const { answerAll, asked, opened } = backend()
      const offer = Offers.make("s", "refuse", () => Effect.void)
      yield* started(offer, opened, answerAll)
      const reading = yield* Effect.forkChild(offer.renew(CHANGED), { startImmediately: true })
      const next = yield* Effect.forkChild(offer.renew(CHANGED), { startImmediately: true })
      for (let count = 0; count < 1000; count++) {
        const fiber = yield* Effect.forkChild(offer.renew(CHANGED), { startImmediately: true })
        assert.isDefined(fiber.pollUnsafe(), "nobody waits for what somebody waits for already")
      }
      yield* answering(Fiber.join(reading), answerAll)
      yield* answering(Fiber.join(next), answerAll)
      assert.strictEqual(asked(), 3)
    }))

  it.effect("are read again when they change while a new conversation begins, on the new one", () =>
    Effect.gen(function*() {
      const [first, second] = [backend(), backend()]
      const offer = Offers.make("s", "refuse", () => Effect.void)
      yield* started(offer, first.opened, first.answerAll)
      first.opened.connection.close("gone")
      const starting = yield* Effect.forkChild(offer.start(second.opened), { startImmediately: true })
      yield* offer.renew(CHANGED)
      yield* answering(Fiber.join(starting), second.answerAll)
      assert.deepStrictEqual([first.asked(), second.asked()], [1, 2])
    }))
})

const started = (offer: Offers.Offer, opened: Opened, answerAll: () => void) =>
  Effect.flatMap(
    Effect.forkChild(offer.start(opened), { startImmediately: true }),
    (fiber) => answering(Fiber.join(fiber), answerAll)
  )

/** Answers whatever is asked until the effect is done. */
const answering = <A, E>(effect: Effect.Effect<A, E>, answerAll: () => void) =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(Effect.sync(answerAll), TestClock.adjust("200 millis"))))

/** A backend with tools that answers when it is told to. */
const backend = () => {
  const waiting: Array<number> = []
  let asked = 0
  const connection = new Connection({ notified: () => {}, closed: () => {}, garbage: () => {} })
  connection.attach({
    kind: "stdio",
    send: ({ id }) => {
      if (id === undefined) return
      asked++
      waiting.push(id)
    },
    forget: () => {},
    openStream: () => {},
    agreed: () => {},
    close: () => {}
  })
  const opened: Opened = {
    connection,
    handshake: { era: "legacy", version: "2025-11-25", capabilities: { tools: {} }, name: "s", instructions: undefined }
  }
  const answerAll = () => {
    for (const id of waiting.splice(0)) connection.receiver.message(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"tools":[]}}`), undefined)
  }
  return { opened, asked: () => asked, answerAll }
}
