import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Connection } from "../../src/backend/Connection.ts"
import type { Era } from "../../src/backend/Era.ts"
import { watch } from "../../src/backend/Watch.ts"

const METHOD_NOT_FOUND = { code: -32601, message: "no" }

describe("watching a modern backend", () => {
  it.effect("listens at once, to all lists", () =>
    Effect.gen(function*() {
      const { listens } = yield* watching("modern")
      assert.deepStrictEqual(listens().map(({ filter }) => filter), [
        { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, resourceSubscriptions: [] }
      ])
    }))

  it.effect("listens anew when the resources differ, not when they are the same", () =>
    Effect.gen(function*() {
      const { acknowledge, listens, resources } = yield* watching("modern")
      yield* acknowledge(1)
      yield* resources("a:1", "a:2")
      yield* acknowledge(2)
      yield* resources("a:2", "a:1")
      assert.deepStrictEqual(listens().map(({ filter }) => filter.resourceSubscriptions), [[], ["a:1", "a:2"]])
      yield* resources("a:2")
      assert.deepStrictEqual(listens().at(-1)?.filter.resourceSubscriptions, ["a:2"])
    }))

  it.effect("closes the old listen when the new one is acknowledged, not before", () =>
    Effect.gen(function*() {
      const { acknowledge, forgotten, listens, resources } = yield* watching("modern")
      yield* acknowledge(1)
      yield* resources("a:1")
      assert.strictEqual(listens().length, 2)
      assert.deepStrictEqual(forgotten, [])
      yield* acknowledge(2)
      assert.deepStrictEqual(forgotten, [1])
    }))

  it.effect("knows over stdio, too, which listen is acknowledged", () =>
    Effect.gen(function*() {
      const { acknowledge, forgotten, resources } = yield* watching("modern", "stdio")
      yield* acknowledge(1)
      yield* resources("a:1")
      assert.deepStrictEqual(forgotten, [])
      yield* acknowledge(2)
      assert.deepStrictEqual(forgotten, [1])
    }))

  it.effect("closes the old listen after two seconds when nothing is acknowledged", () =>
    Effect.gen(function*() {
      const { acknowledge, forgotten, resources } = yield* watching("modern")
      yield* acknowledge(1)
      yield* resources("a:1")
      yield* TestClock.adjust("1999 millis")
      assert.deepStrictEqual(forgotten, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(forgotten, [1])
    }))

  it.effect("takes up resources that change while a listen is on its way", () =>
    Effect.gen(function*() {
      const { acknowledge, listens, resources } = yield* watching("modern")
      yield* resources("a:1")
      yield* resources("a:1", "a:2")
      yield* acknowledge(1)
      yield* acknowledge(2)
      assert.deepStrictEqual(listens().at(-1)?.filter.resourceSubscriptions, ["a:1", "a:2"])
    }))

  it.effect("listens again a second after a listen ended, with what is wanted then", () =>
    Effect.gen(function*() {
      const { end, listens, resources } = yield* watching("modern")
      yield* end(1, { result: { resultType: "complete" } })
      yield* resources("a:1")
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(listens().length, 1)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(listens().map(({ filter }) => filter.resourceSubscriptions), [[], ["a:1"]])
    }))

  it.effect("does not ask a backend again that knows no subscriptions, whatever the resources", () =>
    Effect.gen(function*() {
      const { end, listens, resources } = yield* watching("modern")
      yield* end(1, { error: METHOD_NOT_FOUND })
      yield* resources("a:1")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(listens().length, 1)
    }))

  it.effect("asks again after any other error", () =>
    Effect.gen(function*() {
      const { end, listens } = yield* watching("modern")
      yield* end(1, { error: { code: -32603, message: "not now" } })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(listens().length, 2)
    }))

  it.effect("closes its listen with the scope", () =>
    Effect.gen(function*() {
      const { forgotten } = yield* Effect.scoped(watching("modern"))
      assert.deepStrictEqual(forgotten, [1])
    }))
})

describe("watching a legacy backend", () => {
  it.effect("subscribes to what is new and unsubscribes from what is gone, and says nothing twice", () =>
    Effect.gen(function*() {
      const { resources, sent } = yield* watching("legacy")
      yield* resources("a:1", "a:2")
      yield* resources("a:2", "a:1")
      yield* resources("a:2", "a:3")
      assert.deepStrictEqual(sent().map(({ method, params }) => [method, params.uri]), [
        ["resources/subscribe", "a:1"],
        ["resources/subscribe", "a:2"],
        ["resources/subscribe", "a:3"],
        ["resources/unsubscribe", "a:1"]
      ])
    }))
})

/** A watch over a transport that only remembers, what it has sent, and the words of the backend. */
const watching = Effect.fnUntraced(function*(era: Era, kind: "http" | "stdio" = "http") {
  const texts: Array<string> = []
  const forgotten: Array<number> = []
  const connection = new Connection({ notified: () => {}, closed: () => {}, garbage: () => {} })
  connection.era = era
  connection.attach({
    kind,
    send: ({ id, text }) => id === undefined ? undefined : texts.push(text),
    forget: (id) => forgotten.push(id),
    openStream: () => {},
    agreed: () => {},
    close: () => {}
  })
  const { topics } = yield* watch({
    connection,
    handshake: { era, version: "", capabilities: {}, name: "backend", instructions: undefined }
  })
  const turn = TestClock.adjust(0)
  yield* turn
  const sent = () => texts.map((text) => JSON.parse(text))
  const hears = (id: number, message: object) =>
    Effect.andThen(
      Effect.sync(() => {
        const text = JSON.stringify({ jsonrpc: "2.0", ...message })
        connection.receiver.message(Buffer.from(text), kind === "http" ? id : undefined)
      }),
      turn
    )
  return {
    sent,
    forgotten,
    listens: () => sent().filter(({ method }) => method === "subscriptions/listen").map(({ params }) => ({ filter: params.notifications })),
    resources: (...uris: ReadonlyArray<string>) => Effect.andThen(Effect.sync(() => topics({ resources: new Set(uris), tasks: new Set() })), turn),
    acknowledge: (id: number) =>
      hears(id, {
        method: "notifications/subscriptions/acknowledged",
        params: { _meta: { "io.modelcontextprotocol/subscriptionId": id }, notifications: {} }
      }),
    end: (id: number, answer: object) => hears(id, { id, ...answer })
  }
})
