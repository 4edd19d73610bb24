/** Health checks in virtual time, against a backend that answers as it is told to. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Connection } from "../../src/backend/Connection.ts"
import { type Health, hanging } from "../../src/backend/Health.ts"
import type { Failure } from "../../src/backend/transport/Transport.ts"

const HEALTH: Health = { interval: Duration.seconds(30), timeout: Duration.seconds(10), failures: 3, patience: 60_000 }

describe("a health check", () => {
  it.effect("asks in the words of the era, every interval, and takes an error for an answer", () =>
    Effect.gen(function*() {
      for (const [era, method] of [["legacy", "ping"], ["modern", "server/discover"]] as const) {
        const { asked, checking, connection, to } = yield* backend()
        connection.era = era
        to("error")
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(asked(), Array.from({ length: 10 }, () => method))
        assert.isUndefined(checking.pollUnsafe())
      }
    }))

  it.effect("finds one that is silent after so many in a row, not one that misses fewer", () =>
    Effect.gen(function*() {
      const { checking, to } = yield* backend()
      to("silence")
      yield* TestClock.adjust("75 seconds")
      to("error")
      yield* TestClock.adjust("30 seconds")
      to("silence")
      yield* TestClock.adjust("80 seconds")
      assert.isUndefined(checking.pollUnsafe())
      yield* TestClock.adjust("30 seconds")
      assert.match(yield* Fiber.join(checking), /^does not answer any more: 3 health checks in a row, nothing for 1m 4?0?s?/u)
    }))

  it.effect("leaves one alone that is busy with a call for as long as a call may take, and one that says anything", () =>
    Effect.gen(function*() {
      const { checking, connection, to } = yield* backend()
      to("silence")
      const stop = connection.call(CALL, { notify: () => {}, log: () => {}, done: () => {} })
      yield* TestClock.adjust("59 seconds")
      connection.receiver.message(Buffer.from(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`), undefined)
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(checking.pollUnsafe())
      yield* TestClock.adjust("90 seconds")
      assert.match(yield* Fiber.join(checking), /does not answer any more/u)
      stop()
    }))

  it.effect("takes a refusal over HTTP for an answer, and what a proxy says of a server that is away for none", () =>
    Effect.gen(function*() {
      const outcomes = yield* Effect.forEach([401, 404, 500, 502, 503, 504, undefined], (status) =>
        Effect.gen(function*() {
          const { checking, to } = yield* backend()
          to(status === undefined ? { kind: "unreachable", detail: "away" } : { kind: "status", detail: "", status })
          yield* TestClock.adjust("3 minutes")
          return [status, checking.pollUnsafe() !== undefined]
        }))
      assert.deepStrictEqual(outcomes, [[401, false], [404, false], [500, false], [502, true], [503, true], [504, true], [undefined, true]])
    }))

  it.effect("is not made while it is off, and is made when that changes", () =>
    Effect.gen(function*() {
      let health: Health = { ...HEALTH, interval: undefined }
      const { asked, to } = yield* backend(() => health)
      to("error")
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(asked().length, 0)
      health = HEALTH
      yield* TestClock.adjust("1 minute")
      assert.isAbove(asked().length, 0)
    }))
})

const CALL = { method: "tools/call", params: "", meta: "", envelope: { capabilities: "{}" }, headers: {} }

type Behaviour = "error" | "silence" | Failure

/** A connection, what its backend has been asked, and how it answers from now on. */
const backend = Effect.fnUntraced(function*(health = () => HEALTH) {
  let behaviour: Behaviour = "error"
  const asked: Array<string> = []
  const connection = new Connection({ notified: () => {}, closed: () => {}, garbage: () => {} })
  connection.attach({
    kind: "stdio",
    send: ({ id, text }) => {
      const { method } = JSON.parse(text)
      if (id === undefined || method === "tools/call") return
      asked.push(method)
      if (behaviour === "silence") return
      if (behaviour === "error") connection.receiver.message(Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"no"}}`), undefined)
      else connection.receiver.failed(id, behaviour)
    },
    forget: () => {},
    openStream: () => {},
    agreed: () => {},
    close: () => {}
  })
  const checking = yield* Effect.forkScoped(hanging(connection, health), { startImmediately: true })
  return {
    connection,
    checking,
    asked: (): ReadonlyArray<string> => asked,
    to: (next: Behaviour) => {
      behaviour = next
    }
  }
})
