import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { LogLevels } from "../../src/backend/LogLevels.ts"
import { Catalogue } from "../../src/catalogue/Catalogue.ts"
import { LOCAL } from "../../src/guard/Authentication.ts"
import { attachStream, MOST_OF_ONE, MOST_SESSIONS, Sessions } from "../../src/mcp/Sessions.ts"

const ada = { issuer: "i", subject: "ada" }
const opening = { principal: ada, server: undefined, version: "2025-06-18", capabilities: "{}", declared: "{}", client: undefined }
const layer = Layer.provideMerge(Sessions.layer, Layer.mergeAll(Catalogue.layer, LogLevels.layer))

const opened = Effect.gen(function*() {
  const sessions = yield* Sessions
  const session = yield* sessions.open(opening)
  return { sessions, session: typeof session === "string" ? assert.fail("no session") : session }
})

/** A stream that keeps what it is sent. */
const stream = () => {
  const sent: Array<string> = []
  let ends = 0
  return { sent, ends: () => ends, send: (text: string) => void sent.push(text), end: () => void ends++ }
}

/** A collection of everything that nothing holds; what a turn of the loop has looked at is held until it is over. */
const collected = Effect.promise(async () => {
  setFlagsFromString("--expose-gc")
  await new Promise((over) => setImmediate(over))
  runInNewContext("gc")()
})

describe("sessions", () => {
  it.effect("are found by who opened them, and not by others who know the id", () =>
    Effect.gen(function*() {
      const { session, sessions } = yield* opened
      assert.strictEqual(yield* sessions.find(session.id, { principal: ada, server: undefined }), session)
      assert.isUndefined(yield* sessions.find(session.id, { principal: { issuer: "i", subject: "bob" }, server: undefined }))
      assert.isUndefined(yield* sessions.find(session.id, { principal: { issuer: "j", subject: "ada" }, server: undefined }))
    }).pipe(Effect.provide(layer)))

  it.effect("end when they have been idle for half an hour, counted from their last use", () =>
    Effect.gen(function*() {
      const { session, sessions } = yield* opened
      yield* TestClock.adjust("29 minutes")
      assert.strictEqual(yield* sessions.find(session.id, { principal: ada, server: undefined }), session)
      yield* TestClock.adjust("29 minutes")
      assert.strictEqual([...sessions.all()].length, 1)
      yield* TestClock.adjust("3 minutes")
      assert.isUndefined(yield* sessions.find(session.id, { principal: ada, server: undefined }))
    }).pipe(Effect.provide(layer)))

  it.effect("give their memory back when they end for being idle", () =>
    Effect.gen(function*() {
      const weak = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.map(opened, ({ session }) => {
          attachStream(session, stream())
          session.stream = undefined
          return new WeakRef(session)
        }))
      const alive = () => weak.filter((session) => session.deref() !== undefined).length
      yield* TestClock.adjust("29 minutes")
      yield* collected
      assert.strictEqual(alive(), 100)
      yield* TestClock.adjust("3 minutes")
      yield* collected
      assert.strictEqual(alive(), 0)
    }).pipe(Effect.provide(layer)))

  it.effect("do not end while a stream is open or a request runs, however long that is", () =>
    Effect.gen(function*() {
      const { session, sessions } = yield* opened
      attachStream(session, stream())
      yield* TestClock.adjust("2 hours")
      assert.strictEqual([...sessions.all()].length, 1)
      session.stream = undefined
      session.running.set("1", () => {})
      yield* TestClock.adjust("2 hours")
      assert.strictEqual([...sessions.all()].length, 1)
    }).pipe(Effect.provide(layer)))

  it.effect("stop what runs for them and take back what they subscribed to when they are closed", () =>
    Effect.gen(function*() {
      const { session, sessions } = yield* opened
      const done: Array<string> = []
      const open = stream()
      attachStream(session, open)
      session.running.set("1", () => void done.push("cancelled"))
      session.subscribed.set("u:1", () => void done.push("unsubscribed"))
      sessions.close(session)
      assert.deepStrictEqual(done.sort(), ["cancelled", "unsubscribed"])
      assert.strictEqual(open.ends(), 1)
    }).pipe(Effect.provide(layer)))

  it.effect("hear on their newest stream alone, and once what they missed without one", () =>
    Effect.gen(function*() {
      const { session } = yield* opened
      const catalogue = yield* Catalogue
      session.subscribed.set("u:1", () => {})
      catalogue.tell({ _tag: "Updated", uri: "u:1", server: "s", own: "u:1" })
      catalogue.tell({ _tag: "Updated", uri: "u:1", server: "s", own: "u:1" })
      catalogue.tell({ _tag: "Updated", uri: "u:2", server: "s", own: "u:2" })
      const first = stream()
      attachStream(session, first)
      const second = stream()
      attachStream(session, second)
      catalogue.tell({ _tag: "Updated", uri: "u:1", server: "s", own: "u:1" })
      assert.deepStrictEqual(first.sent.map((text) => JSON.parse(text).params), [{ uri: "u:1" }])
      assert.strictEqual(first.ends(), 1)
      assert.strictEqual(second.sent.length, 1)
    }).pipe(Effect.provide(layer)))

  it.effect("are refused beyond their number", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      for (let count = 0; count < MOST_SESSIONS; count++) yield* sessions.open({ ...opening, principal: { issuer: "i", subject: `user-${count}` } })
      assert.strictEqual(yield* sessions.open(opening), "all")
    }).pipe(Effect.provide(layer)))

  it.effect("are refused to one user beyond a share, without a loss for others, until that user ends one", () =>
    Effect.gen(function*() {
      const { session, sessions } = yield* opened
      for (let count = 1; count < MOST_OF_ONE; count++) yield* sessions.open(opening)
      assert.strictEqual(yield* sessions.open(opening), "own")
      assert.isObject(yield* sessions.open({ ...opening, principal: { issuer: "i", subject: "bob" } }))
      sessions.close(session)
      sessions.close(session)
      assert.isObject(yield* sessions.open(opening))
      assert.strictEqual(yield* sessions.open(opening), "own")
    }).pipe(Effect.provide(layer)))

  it.effect("of whoever is local have no limit but the common one", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      for (let count = 0; count < MOST_OF_ONE + 1; count++) assert.isObject(yield* sessions.open({ ...opening, principal: LOCAL }))
    }).pipe(Effect.provide(layer)))
})
