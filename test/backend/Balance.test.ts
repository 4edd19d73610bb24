import { assert, describe, it } from "vitest"
import { type Candidate, chosen, latencyAfter, type Rule } from "../../src/backend/Balance.ts"

const candidate = (index: number, more: Partial<Candidate> = {}): Candidate => ({ index, inFlight: 0, latency: 0, endedAt: 0, ...more })
const three: readonly [Candidate, ...ReadonlyArray<Candidate>] = [candidate(0), candidate(1), candidate(2)]
const by = (rule: Rule, turn = 0, key = "", now = 0) => ({ rule, turn, key, now })

describe("the replica that takes a call", () => {
  it("is each in turn by round_robin, also when one has gone", () => {
    assert.deepStrictEqual([0, 1, 2, 3].map((turn) => chosen(three, by("round_robin", turn)).index), [0, 1, 2, 0])
    assert.deepStrictEqual([0, 1, 2, 3].map((turn) => chosen([candidate(0), candidate(2)], by("round_robin", turn)).index), [0, 2, 0, 2])
  })

  it("is the one that answers soonest by least_latency, counting what it is busy with; a slow one is tried again in time", () => {
    const [slow, quick] = [candidate(0, { latency: 100 }), candidate(1, { latency: 30 })]
    const busy = { ...quick, inFlight: 4 }
    assert.strictEqual(chosen([slow, quick], by("least_latency")).index, 1)
    assert.strictEqual(chosen([slow, busy], by("least_latency")).index, 0)
    assert.strictEqual(chosen([slow, { ...quick, endedAt: 30_000 }], by("least_latency", 0, "", 30_000)).index, 0)
    assert.strictEqual(chosen([slow, candidate(2)], by("least_latency")).index, 2, "one that has had no call comes first")
    assert.deepStrictEqual([0, 1, 2].map((turn) => chosen(three, by("least_latency", turn)).index), [0, 1, 2], "equals take turns")
  })

  it("is always the same for one user by hashed, all are used, and when one goes only its own users move", () => {
    const users = Array.from({ length: 300 }, (_, index) => `["https://id.example.com","user-${index}"]`)
    const before = users.map((key, turn) => chosen(three, by("hashed", turn, key)).index)
    assert.deepStrictEqual(users.map((key) => chosen(three, by("hashed", 7, key)).index), before)
    for (const index of [0, 1, 2]) assert.isAbove(before.filter((one) => one === index).length, 60)
    const after = users.map((key) => chosen([candidate(0), candidate(2)], by("hashed", 0, key)).index)
    assert.isTrue(before.every((index, at) => index === 1 || after[at] === index))
  })
})

describe("what a replica's latency is taken to be", () => {
  it("is its first call's, then mostly what it was before, so that one slow call does not decide", () => {
    assert.strictEqual(latencyAfter(0, 50), 50)
    assert.strictEqual(Math.round(latencyAfter(50, 150)), 80)
  })
})
