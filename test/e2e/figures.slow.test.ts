/** The figures of `npm run figures` that are promised, in a smaller form where the size does not matter. */
import { assert, describe, it } from "vitest"
import { sessions } from "../../scripts/figures/sessions.ts"
import { servers } from "../../scripts/figures/servers.ts"
import { listens, parked } from "../../scripts/figures/waiting.ts"

describe("what a gateway holds", () => {
  it("is at most 40 kB for a session with its open stream, and nothing to speak of when it is deleted", async () => {
    const figures = await sessions(300, true)
    assert.isAtMost(figures["heap each, kB"], 40)
    assert.isAtMost(figures["resident each, kB"], 200)
    assert.isAtMost(figures["heap kept, kB"], 1000)
  })

  it("is a hundred calls that wait for their users, each of which gets its own answer", async () => {
    const figures = await parked(100)
    assert.strictEqual(figures["answered properly"], 100)
    assert.isAtMost(figures["heap each, kB"], 100)
    assert.isAtMost(figures["heap kept, kB"], 1000)
  })

  it("is no process for a server that nobody uses, and one again for its first call", async () => {
    const figures = await servers(12, "8 seconds")
    assert.strictEqual(figures["processes, running"], 12)
    assert.strictEqual(figures["processes, idle"], 0)
    assert.isAtMost(figures["resident, idle, MB"], 250)
    assert.isBelow(figures["first call, ms"], 5000)
  })

  it("is a thousand listens that all hear of one change, once each and within seconds", async () => {
    const figures = await listens(1000)
    assert.strictEqual(figures["that heard"], 1000)
    assert.isBelow(figures["last after, ms"], 3000)
  })
})
