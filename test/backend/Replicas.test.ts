import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Opened } from "../../src/backend/Opened.ts"
import { stateOf, together } from "../../src/backend/Replicas.ts"
import type { Instance, State } from "../../src/backend/Spec.ts"

const state = (phase: State["phase"], more: Partial<State> = {}): State => ({ phase, since: 0, restarts: 0, ...more })

describe("several replicas", () => {
  it("take calls only while they run; where all sleep they are woken together", () => {
    const all = [member("ready"), member("degraded"), member("ready")] as const
    const group = groupOf(all)
    const places = () => [1, 2, 3, 4].map(() => group.replicaFor?.({ owner: "ada", sharer: undefined }).index)
    assert.deepStrictEqual(places(), [0, 2, 0, 2])
    for (const one of all) one.to("idle", { isAsleep: true })
    assert.strictEqual(new Set(places()).size, 3)
    assert.deepStrictEqual(all.map(({ woken }) => woken()), [4, 4, 4])
  })

  it("keep a sharer, a task and a question where they are, and a call that shares with none goes anywhere", () => {
    const all = [member("ready"), member("ready"), member("ready")] as const
    const group = groupOf(all)
    const at = (more: object) => group.replicaFor?.({ owner: "ada", sharer: undefined, ...more }).index
    const first = at({ sharer: "s1" })
    const second = at({ sharer: "s2" })
    assert.notStrictEqual(first, second)
    assert.deepStrictEqual([at({ sharer: "s1" }), at({ sharer: "s2" }), at({ sharer: "s1" })], [first, second, first])
    assert.deepStrictEqual([at({ replica: 2 }), at({ replica: 2 })], [2, 2])
    assert.strictEqual(new Set([at({ sharer: "" }), at({ sharer: "" }), at({ sharer: "" })]).size, 3)

    const asking = group.replicaFor?.({ owner: "ada", sharer: undefined })
    asking?.keep("\"to come back\"")
    at({})
    assert.deepStrictEqual([at({ state: "\"to come back\"" }), at({ state: "\"to come back\"" })], [asking?.index, asking?.index])

    all[first ?? 0]?.to("degraded")
    const moved = at({ sharer: "s1" })
    assert.notStrictEqual(moved, first)
    all[first ?? 0]?.to("ready")
    assert.strictEqual(at({ sharer: "s1" }), moved, "what it has there now is not left again")
  })

  it.effect("have recovered while one of them runs, however long another is away", () =>
    Effect.gen(function*() {
      yield* groupOf([member("degraded"), member("ready")]).recovered
      assert.isTrue((yield* Effect.timeoutOption(groupOf([member("degraded"), member("failed")]).recovered, 0))._tag === "None")
    }))
})

describe("the state of several replicas", () => {
  it("is ready when all are, degraded with the reason while some are, and else that of the best", () => {
    assert.deepInclude(stateOf([state("ready", { restarts: 1 }), state("ready", { restarts: 2, since: 7 })]), { phase: "ready", restarts: 3, since: 7 })
    assert.deepInclude(stateOf([state("failed", { why: "it broke", next: "tried again" }), state("ready"), state("starting")]), {
      phase: "degraded", why: "2 of its 3 replicas do not serve: it broke", next: "tried again"
    })
    assert.deepInclude(stateOf([state("failed"), state("starting")]), { phase: "starting" })
    assert.isUndefined(stateOf([state("failed", { isGivenUp: true }), state("degraded")]).isGivenUp)
    assert.isTrue(stateOf([state("failed", { isGivenUp: true }), state("failed", { isGivenUp: true })]).isGivenUp)
  })
})

const groupOf = (members: readonly [Member, ...ReadonlyArray<Member>]): Instance =>
  together("many", members[0].instance, members.slice(1).map(({ instance }) => instance), () => "round_robin")

type Member = ReturnType<typeof member>

/** An instance that is as it is told to be. */
const member = (first: State["phase"]) => {
  let now = state(first)
  let woken = 0
  const connection = { isClosed: false }
  const instance = {
    id: "many",
    state: () => now,
    // What chooses a replica looks at nothing else of a connection.
    opened: () => now.phase === "ready" ? { connection } as Opened : undefined,
    wake: () => ++woken > 0,
    recovered: Effect.never,
    use: () => undefined
  } as Partial<Instance> as Instance
  return {
    instance,
    woken: () => woken,
    to: (phase: State["phase"], more: Partial<State> = {}) => {
      now = state(phase, more)
    }
  }
}
