/** Children that die, hang, babble or do not listen: one call fails, the next works, and nobody else notices. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { readFileSync } from "node:fs"
import { eventually, type FixtureGateway, fixtureGateway, statusOf, undisturbed, whenReady } from "../kit/fixtures.ts"
import { startGateway } from "../kit/gateway.ts"
import { isAlive } from "../kit/process.ts"
import { callText, modernCall, post, type Reply, session, textOf } from "../kit/wire.ts"

const MEBIBYTE = 1024 * 1024
const servers = [{ id: "old" }, { id: "new", era: "modern" }, { id: "canary" }] as const

describe("a child that dies", () => {
  it.live("in the middle of a call fails that call at once, and the next one works", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        for (const id of ["old", "new"]) {
          const waiting = Effect.promise(() => call(`${id}__hang`))
          const crash = Effect.promise(() => timed(() => call(`${id}__crash`)))
          const [hung, { millis, value }] = yield* Effect.all([waiting, crash], { concurrency: 2 })
          assert.isBelow(millis, 200)
          for (const reply of [hung, value]) assert.deepInclude(reply.message?.error, { code: -32603 })
          yield* restarted(gateway, id, 1)
          assert.strictEqual(textOf(yield* Effect.promise(() => call(`${id}__echo`))), "{}")
        }
      })))

  it.live("right after its answer does not take the answer with it", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        for (let round = 0; round < 3; round++) {
          assert.strictEqual(textOf(yield* Effect.promise(() => call("old__last"))), "the last words")
          yield* restarted(gateway, "old", round + 1)
        }
      })))
})

describe("a call that hangs", () => {
  it.live("ends at its time limit, and the backend is told to stop", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        for (const id of ["old", "new"]) {
          const { millis, value } = yield* Effect.promise(() => timed(() => call(`${id}__hang`)))
          assert.deepInclude(value.message?.error?.data, { reason: "timed_out", server: id })
          assert.isTrue(millis >= 1000 && millis < 1150, `${millis}`)
          yield* cancelled(gateway, id)
        }
      }), "1 second"))

  it.live("is cancelled at the backend when a modern client goes, or a legacy one says so, not when a legacy one goes", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const leaving = new AbortController()
        const { body, headers } = modernCall("new__hang")
        const gone = post(gateway.url, body, headers, leaving.signal).catch(() => "gone")
        yield* eventually("not called", Effect.sync(() => gateway.received("new")), (lines) => lines.some((line) => line.includes(`"hang"`)))
        leaving.abort()
        assert.strictEqual(yield* Effect.promise(() => gone), "gone")
        yield* cancelled(gateway, "new")

        const legacy = yield* opened(gateway)
        const stopped = new AbortController()
        const dropped = legacy.call("old__slow", { millis: 300 }, stopped.signal).catch(() => undefined)
        yield* eventually("not called", Effect.sync(() => gateway.received("old")), (lines) => lines.some((line) => line.includes(`"slow"`)))
        stopped.abort()
        yield* Effect.promise(() => dropped)
        assert.strictEqual(textOf(yield* Effect.promise(() => legacy.call("old__slow", { millis: 400 }))), "late")
        assert.notInclude(gateway.received("old").join("\n"), "cancelled")

        const hanging = legacy.send(callText("old__hang", "{}", "\"mine\""))
        yield* eventually("not called", Effect.sync(() => gateway.received("old")), (lines) => lines.some((line) => line.includes(`"hang"`)))
        const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "mine" } }
        assert.strictEqual((yield* Effect.promise(() => legacy.send(JSON.stringify(cancel)))).status, 202)
        yield* Effect.promise(() => hanging)
        yield* cancelled(gateway, "old")
      })))
})

describe("a child that babbles", () => {
  it.live("on standard output: what is no message is skipped and counted, what is one arrives", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        for (const id of ["old", "new"]) {
          assert.strictEqual(textOf(yield* Effect.promise(() => call(`${id}__garbage`))), "after garbage")
          assert.strictEqual(textOf(yield* Effect.promise(() => call(`${id}__echo`))), "{}")
        }
        yield* eventually("not counted", Effect.sync(gateway.stderr), (log) => log.includes("are no JSON-RPC message; skipped"))
        yield* undamaged(gateway)
      })))

  it.live("on standard error: 64 MiB do not stall it, and the log stays small", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        const { millis, value } = yield* Effect.promise(() => timed(() => call("old__flood", { kibibytes: 65_536 })))
        assert.strictEqual(textOf(value), "flooded")
        assert.isBelow(millis, 10_000)
        assert.isBelow(gateway.stderr().length, 4 * MEBIBYTE)
        yield* undamaged(gateway)
      })))

  it.live("with 9 MiB in one result: it arrives whole", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        assert.strictEqual(textOf(yield* Effect.promise(() => call("old__big", { bytes: 9 * MEBIBYTE }))).length, 9 * MEBIBYTE)
      })))

  it.live("with more than 10 MiB in one line: that backend alone starts anew", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        const reply = yield* Effect.promise(() => call("old__line", { bytes: 11 * MEBIBYTE }))
        assert.include(reply.message?.error?.message, "10485760")
        yield* restarted(gateway, "old", 1)
        assert.strictEqual(textOf(yield* Effect.promise(() => call("old__echo"))), "{}")
        assert.deepStrictEqual((yield* statusOf(gateway.base)).map(({ actual }) => actual.restarts), [1, 0, 0])
      })))
})

describe("a child that does not read", () => {
  it.live("is refused more at a bound, instead of the gateway keeping it all", () =>
    troubled((gateway) =>
      Effect.gen(function*() {
        const { call } = yield* opened(gateway)
        assert.strictEqual(textOf(yield* Effect.promise(() => call("old__deaf"))), "deaf")
        const before = residentOf(gateway.pid)
        const text = "x".repeat(2 * MEBIBYTE)
        const replies = yield* Effect.all(
          Array.from({ length: 60 }, () => Effect.promise(() => call("old__echo", { text }))),
          { concurrency: 10 }
        )
        assert.isAbove(replies.filter(({ message }) => message?.error?.message.includes("does not read its input")).length, 30)
        assert.isBelow(residentOf(gateway.pid) - before, 250 * MEBIBYTE)
        yield* undamaged(gateway)
      }), "3 seconds"))
})

describe("a child", () => {
  it.live("gets an environment made from nothing: none of the gateway's, what the manifest gives", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "old", environment: { GIVEN: "by the manifest" } }], {
        environment: { CANARY_SECRET: "hunter2-canary", NODE_OPTIONS: "--no-warnings", MANIFOLD__ROUTING__TIMEOUT: "30 seconds" }
      })
      const { call } = yield* opened(gateway)
      const seen: Record<string, string> = JSON.parse(textOf(yield* Effect.promise(() => call("old__environment"))))
      // Node itself hands NODE_V8_COVERAGE on to every child; only `npm test` sets it.
      const names = Object.keys(seen).filter((name) => name !== "NODE_V8_COVERAGE").sort()
      assert.deepStrictEqual(names, ["GIVEN", "HOME", "LANG", "MANIFOLD_INSTANCE", "PATH", "RECORD"])
      assert.notInclude(readFileSync(`/proc/${yield* childOf(gateway)}/environ`, "utf8"), "hunter2")
      assert.notStrictEqual(seen["HOME"], process.env["HOME"])
    }).pipe(Effect.scoped))

  it.live("that is slow to start holds up neither the start, nor the lists, nor calls of another", () =>
    Effect.gen(function*() {
      const { millis, value: gateway } = yield* Effect.map(
        Effect.timed(fixtureGateway([{ id: "late", environment: { START_AFTER: "60000" } }, { id: "canary" }])),
        ([duration, value]) => ({ millis: Duration.toMillis(duration), value })
      )
      assert.isBelow(millis, 10_000)
      const { call, send } = yield* opened(gateway)
      const listed = yield* Effect.promise(() => timed(() => send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)))
      assert.isBelow(listed.millis, 500)
      assert.include(listed.value.text, "canary__echo")
      assert.strictEqual(textOf(yield* Effect.promise(() => call("canary__echo"))), "{}")
      const [late] = yield* statusOf(gateway.base)
      assert.strictEqual(late?.actual.phase, "starting")
    }).pipe(Effect.scoped))
})

describe("no process is left", () => {
  it.live("when the gateway is told to stop, not even one that ignores it", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway(servers)
      const { call } = yield* opened(gateway)
      const stubborn = Number(textOf(yield* Effect.promise(() => call("old__stubborn"))))
      const children = gateway.descendants()
      assert.include(children, stubborn)
      assert.isNotNull(yield* Effect.promise(gateway.stop), "it ended by itself")
      assert.deepStrictEqual(children.filter(isAlive), [])
    }).pipe(Effect.scoped))

  it.live("of a gateway that was killed, once the next one has started", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway(servers)
      const { call } = yield* opened(gateway)
      yield* Effect.promise(() => call("old__stubborn"))
      const orphans = gateway.descendants()
      yield* Effect.promise(gateway.kill)
      const manifest = readFileSync(gateway.manifest, "utf8")
      const next = yield* Effect.acquireRelease(Effect.promise(() => startGateway(manifest)), ({ stop }) => Effect.promise(stop))
      assert.deepStrictEqual(orphans.filter(isAlive), [])
      yield* whenReady(new URL(next.url).origin, ["old", "new", "canary"])
    }).pipe(Effect.scoped))
})

/** A gateway in trouble, and beside it a caller who must notice nothing. */
const troubled = (trouble: (gateway: FixtureGateway) => Effect.Effect<void>, timeout = "60 seconds") =>
  Effect.gen(function*() {
    const gateway = yield* fixtureGateway(servers.map((server) => ({ ...server, entry: { timeout } })))
    yield* undisturbed(gateway, "canary", trouble(gateway))
  }).pipe(Effect.scoped)

const opened = ({ url }: FixtureGateway) => Effect.promise(() => session(url))

const timed = async (work: () => Promise<Reply>) => {
  const began = performance.now()
  const value = await work()
  return { value, millis: performance.now() - began }
}

/** The backend has been told that the call it hangs in is over. */
const cancelled = (gateway: FixtureGateway, id: string) =>
  eventually("not cancelled", Effect.sync(() => gateway.received(id).map((line) => JSON.parse(line))), (lines) => {
    const call = lines.findLast(({ params }) => params?.name === "hang")
    return lines.some(({ method, params }) => method === "notifications/cancelled" && params.requestId === call?.id)
  })

/** Ready again, after this many restarts: the status may still say "ready" of the process that has just ended. */
const restarted = ({ base }: FixtureGateway, server: string, times: number) =>
  eventually("not restarted", statusOf(base), (all) =>
    all.some(({ actual, id }) => id === server && actual.phase === "ready" && actual.restarts === times))

const undamaged = ({ base }: FixtureGateway) =>
  Effect.map(statusOf(base), (all) => assert.deepStrictEqual(all.map(({ actual }) => actual.restarts), [0, 0, 0]))

const childOf = ({ descendants }: FixtureGateway) => Effect.sync(() => descendants()[0])

/** Resident memory of a process, in bytes. */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
