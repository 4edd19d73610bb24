/** The worst of servers (cases 81 to 91, README.md beside this file): killed, in a loop, with a family, in floods and halves. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { readFileSync } from "node:fs"
import { startGateway } from "../kit/gateway.ts"
import { eventually, type FixtureGateway, fixtureGateway, statusOf, undisturbed } from "../kit/fixtures.ts"
import { isAlive } from "../kit/process.ts"
import { hangs, kills } from "../kit/supervision/kills.ts"
import { session, textOf } from "../kit/wire.ts"

const MEBIBYTE = 1024 * 1024

describe("a server that is killed in the middle of a call, forty times", () => {
  it.live("fails each call at once with the reason, and no call to another one (case 81)", () =>
    Effect.gen(function*() {
      const { disturbed, longest, median, others, wrong } = yield* Effect.promise(() => kills(40))
      assert.deepStrictEqual(wrong, [])
      assert.strictEqual(disturbed, 0)
      assert.isAbove(others, 20)
      // On a quiet machine none takes 100 ms (scripts/kills.ts); this one may not be quiet.
      assert.isBelow(median, 500)
      assert.isBelow(longest, 3000)
    }))
})

describe("a call that is never answered", () => {
  it.live("ends at its time limit, and is counted no more (case 83)", () =>
    Effect.gen(function*() {
      const { left, median } = yield* Effect.promise(() => hangs(5))
      assert.strictEqual(left, 0)
      assert.isBelow(Math.abs(median), 200)
    }))
})

describe("a server that does its worst", () => {
  it.live("costs neither the gateway's memory nor anybody else a call: lines that are no messages, halves, floods (cases 87, 89)", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "bad" }, { id: "canary" }])
      const { call } = yield* Effect.promise(() => session(gateway.url))
      const said = (name: string, args: object) => Effect.map(Effect.promise(() => call(`bad__${name}`, args)), textOf)
      yield* undisturbed(gateway, "canary", Effect.gen(function*() {
        assert.strictEqual(yield* said("babble", { lines: 100_000 }), "after babble")
        const before = residentOf(gateway.pid)
        const [flooded, chattered] = yield* Effect.all([Effect.timed(said("flood", { kibibytes: 131_072 })), Effect.timed(said("chatter", { mebibytes: 64 }))])
        assert.deepStrictEqual([flooded[1], chattered[1]], ["flooded", "chattered"])
        assert.isBelow(residentOf(gateway.pid) - before, 150 * MEBIBYTE)
        assert.isBelow(gateway.stderr().length, 4 * MEBIBYTE)
      }))
      assert.include(gateway.stderr(), "wrote 100000 line(s) on standard output that are no JSON-RPC message; skipped")
      assert.deepStrictEqual((yield* statusOf(gateway.base)).map(({ actual }) => actual.restarts), [0, 0])
    }).pipe(Effect.scoped))

  it.live("is tried again ever less often when it ends at each start, with the reason, and others start without it (crash loop)", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "loop", environment: { START_AFTER: "0", EXIT_AT_START: "3" } }, { id: "canary" }])
      yield* undisturbed(gateway, "canary", Effect.gen(function*() {
        const [loop] = yield* eventually("not tried", statusOf(gateway.base), ([loop]) => (loop?.actual.restarts ?? 0) >= 3)
        assert.match(loop?.actual.why ?? "", /^Server "loop" exited with code 3$/u)
      }))
    }).pipe(Effect.scoped))

  it.live("that starts for two minutes keeps only itself waiting, and readiness where it is required (case 91)", () =>
    Effect.gen(function*() {
      const late = (required: boolean) => ({ id: "late", environment: { START_AFTER: "120000" }, entry: { required } })
      for (const [required, ready] of [[false, 200], [true, 503]] as const) {
        const gateway = yield* fixtureGateway([late(required), { id: "canary" }])
        const { call, send } = yield* Effect.promise(() => session(gateway.url))
        assert.strictEqual(textOf(yield* Effect.promise(() => call("canary__echo"))), "{}")
        assert.strictEqual((yield* Effect.promise(() => fetch(`${gateway.base}/health/ready`))).status, ready)
        const { text } = yield* Effect.promise(() => send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
        assert.include(text, "canary__echo")
        assert.notInclude(text, "late__echo")
        assert.strictEqual((yield* statusOf(gateway.base))[0]?.actual.phase, "starting")
      }
    }).pipe(Effect.scoped))
})

describe("the processes of a server", () => {
  it.live("go with it, also those in a session of their own whose parent is gone, and so when it is deaf to TERM (case 85)", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "parent" }, { id: "canary" }])
      const family = yield* familyOf(gateway, true)
      assert.isTrue(family.every(isAlive))
      const [took] = yield* Effect.timed(Effect.promise(gateway.stop))
      assert.deepStrictEqual(family.filter(isAlive), [])
      // Its input is closed, TERM 300 ms later, KILL 5 s after that.
      assert.isBelow(Duration.toMillis(took), 8000)
    }).pipe(Effect.scoped))

  it.live("go when the server crashes, and those of another stay", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "parent" }, { id: "other" }])
      const family = yield* familyOf(gateway, false)
      const others = JSON.parse(textOf(yield* Effect.promise(async () => (await session(gateway.url)).call("other__family")))) as ReadonlyArray<number>
      const { call } = yield* Effect.promise(() => session(gateway.url))
      yield* Effect.promise(() => call("parent__crash"))
      yield* eventually("still there", Effect.sync(() => family.filter(isAlive)), (alive) => alive.length === 0)
      assert.isTrue(others.every(isAlive))
    }).pipe(Effect.scoped))

  it.live("go at the next start after a gateway that was killed", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "parent" }])
      const family = yield* familyOf(gateway, false)
      yield* Effect.promise(gateway.kill)
      assert.isTrue(family.slice(1).every(isAlive))
      yield* Effect.acquireRelease(Effect.promise(() => startGateway(readFileSync(gateway.manifest, "utf8"))), ({ stop }) => Effect.promise(stop))
      assert.deepStrictEqual(family.filter(isAlive), [])
    }).pipe(Effect.scoped))
})

/** The pids of what the server has started: in its group, out of it, and out of it without a parent. */
const familyOf = ({ url }: FixtureGateway, isStubborn: boolean) =>
  Effect.promise(async () => {
    const { call } = await session(url)
    if (isStubborn) await call("parent__stubborn")
    return JSON.parse(textOf(await call("parent__family"))) as ReadonlyArray<number>
  })

/** Resident memory of a process, in bytes. */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
