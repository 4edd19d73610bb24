/** Who gets which conversation, how many there are, and when they go: with a backend that only remembers what was opened. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { BackendFailed } from "../../src/backend/BackendFailed.ts"
import { Connection } from "../../src/backend/Connection.ts"
import * as Conversations from "../../src/backend/Conversations.ts"
import type { Further } from "../../src/backend/Opened.ts"
import { ALONE, NO_HEADERS, type Party } from "../../src/backend/Party.ts"
import { Children } from "../../src/backend/transport/Children.ts"

const ada: Party = { sharer: "ada", principal: "ada", capabilities: "{}", headers: NO_HEADERS }
const asked = { ...ada, capabilities: `{"elicitation":{}}` }

const withChildren = Effect.provide(Layer.succeed(Children, { remember: () => {}, forget: () => Effect.void }))

/** Conversations with a backend, the connections that were opened, and how many are open. */
const talking = Effect.fnUntraced(function*(kind: Pick<Further, "isProcess" | "tellsCalls">, failing = false) {
  const all: Array<Connection> = []
  let open = 0
  const made = yield* Conversations.make("one", {
    ...kind,
    open: ({ observer }) =>
      Effect.gen(function*() {
        yield* Effect.yieldNow
        if (failing) return yield* new BackendFailed({ backend: "one", reason: "unreachable", detail: "is not there" })
        const connection = new Connection(observer)
        all.push(connection)
        open++
        yield* Effect.addFinalizer(() => Effect.sync(() => open--))
        return { connection, handshake: { era: "legacy" as const, version: "", capabilities: {}, name: "one", instructions: undefined } }
      })
  }, { notified: () => {}, began: () => {} })
  const lease = (party: Party) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(made.lease(party), scope)
      return { number: all.indexOf(connection), connection, give: Effect.andThen(Scope.close(scope, Exit.void), Effect.yieldNow) }
    })
  return { lease, over: made.over, count: made.count, open: () => open }
})

const process = { isProcess: true, tellsCalls: false }
const session = { isProcess: false, tellsCalls: true }

describe("conversations with a backend", () => {
  it.effect("are shared by the same sharer, credential and capabilities, and by nobody else", () =>
    Effect.gen(function*() {
      const { lease } = yield* talking(session)
      const numbers = yield* Effect.forEach([
        ada,
        ada,
        asked,
        { ...ada, sharer: "bob" },
        { ...ada, sharer: undefined },
        { ...ada, headers: { authorization: "a" } },
        { ...ada, headers: { authorization: "b" } },
        { ...ada, headers: { authorization: "a" } }
      ], (party) => Effect.map(lease(party), ({ number }) => number))
      assert.deepStrictEqual(numbers, [0, 0, 1, 2, 3, 4, 5, 4])
    }).pipe(Effect.scoped, withChildren))

  it.effect("are one call's alone while it runs, where nothing says whose question one is; the next call has it again", () =>
    Effect.gen(function*() {
      const { lease } = yield* talking(process)
      const first = yield* lease(asked)
      const second = yield* lease(asked)
      assert.deepStrictEqual([first.number, second.number], [0, 1])
      yield* first.give
      assert.strictEqual((yield* lease(asked)).number, 0)
      const [one, other] = [yield* lease(ada), yield* lease(ada)]
      assert.strictEqual(one.number, other.number, "a client that cannot be asked is in nobody's way")
    }).pipe(Effect.scoped, withChildren))

  it.effect("are refused, and not waited for without end, while the backend is being let go", () =>
    Effect.gen(function*() {
      const backend = yield* Scope.make()
      const { count, lease } = yield* Scope.provide(talking(session), backend)
      const held = yield* Deferred.make<void>()
      yield* Scope.addFinalizer(backend, Deferred.await(held))
      const closing = yield* Effect.forkChild(Scope.close(backend, Exit.void))
      yield* Effect.yieldNow
      const late = yield* Effect.forkChild(Effect.flip(lease(asked)))
      for (let turns = 0; turns < 10; turns++) yield* Effect.yieldNow
      assert.strictEqual(late.pollUnsafe()?._tag, "Success", "it waits")
      assert.strictEqual((yield* Fiber.join(late)).reason, "closed")
      assert.strictEqual(count(), 0)
      Deferred.doneUnsafe(held, Exit.void)
      yield* Fiber.join(closing)
    }).pipe(Effect.scoped, withChildren))

  it.effect("end with the call of a client that shares with nobody", () =>
    Effect.gen(function*() {
      const { count, lease } = yield* talking(process)
      const { give } = yield* lease({ ...ada, sharer: ALONE })
      assert.strictEqual(count(), 1)
      yield* give
      assert.strictEqual(count(), 0)
    }).pipe(Effect.scoped, withChildren))

  it.effect("end after five minutes without a call, not while one runs", () =>
    Effect.gen(function*() {
      const { count, lease, open } = yield* talking(session)
      const { give } = yield* lease(ada)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(count(), 1)
      yield* give
      yield* TestClock.adjust("4 minutes")
      assert.strictEqual(count(), 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(count(), 0)
      assert.strictEqual(open(), 0)
    }).pipe(Effect.scoped, withChildren))

  it.effect("are 32 processes of one user at most; one that nobody uses makes room, one that is used does not", () =>
    Effect.gen(function*() {
      const { count, lease } = yield* talking(process)
      const leases = yield* Effect.forEach(Array.from({ length: 32 }), () => lease(asked))
      const refused = yield* Effect.flip(lease(asked))
      assert.deepInclude(refused, { reason: "busy" })
      yield* lease({ ...asked, sharer: "bob", principal: "bob" })
      yield* leases[0]?.give ?? Effect.void
      yield* lease({ ...asked, capabilities: `{"roots":{}}` })
      assert.strictEqual(count(), 33)
    }).pipe(Effect.scoped, withChildren))

  it.effect("that could not be opened say why, and leave nothing behind", () =>
    Effect.gen(function*() {
      const { count, lease } = yield* talking(session, true)
      assert.deepInclude(yield* Effect.flip(lease(ada)), { reason: "unreachable", detail: "is not there" })
      assert.strictEqual(count(), 0)
    }).pipe(Effect.scoped, withChildren))

  it.effect("that everybody shares are not used again after a call was given up: its question might come in the next", () =>
    Effect.gen(function*() {
      const { lease } = yield* talking(process)
      const everybody = { ...asked, sharer: undefined }
      const { connection, give } = yield* lease(everybody)
      const call = { method: "tools/call", params: "", meta: "", envelope: { capabilities: "{}" }, headers: {} }
      connection.attach({ kind: "stdio", send: () => {}, forget: () => Effect.void, openStream: () => {}, agreed: () => {}, close: () => {} })
      connection.call(call, { notify: () => {}, log: () => {}, done: () => {} })()
      yield* give
      assert.strictEqual((yield* lease(everybody)).number, 1)
    }).pipe(Effect.scoped, withChildren))

  it.effect("of a session end with it", () =>
    Effect.gen(function*() {
      const { count, lease, over } = yield* talking(session)
      yield* lease(ada)
      yield* lease({ ...ada, sharer: "bob" })
      over("ada")
      assert.strictEqual(count(), 1)
    }).pipe(Effect.scoped, withChildren))
})
