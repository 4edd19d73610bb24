import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cells, differences, direct, type Era, exceptions, judged, revisionOf, through } from "../../scripts/conformance/matrix.ts"
import { type Outcome, tally } from "../../scripts/conformance/suite.ts"

/** What the suite counts against the fixture itself. */
const counted = { legacy: "84 passed, 0 failed", modern: "196 passed, 0 failed" }

const yardsticks = new Map<Era, Promise<Outcome>>()

/** The suite against the fixture itself, run once for all cells of the client's era. */
const yardstick = (client: Era): Promise<Outcome> => {
  const known = yardsticks.get(client) ?? direct(client)
  yardsticks.set(client, known)
  return known
}

describe("the official conformance suite", () => {
  for (const client of ["legacy", "modern"] as const) {
    it.live(`passes against the fixture itself in ${revisionOf[client]}, so that a loss is the gateway's`, () =>
      Effect.gen(function*() {
        const outcome = yield* Effect.promise(() => yardstick(client))
        assert.strictEqual(tally(outcome), counted[client])
      }))
  }

  for (const cell of cells) {
    it.live(`passes for a ${cell.client} client of a ${cell.backend} server over ${cell.transport} wherever it passes direct, but for the exceptions`, () =>
      Effect.gen(function*() {
        const found = yield* Effect.promise(async () => differences(await yardstick(cell.client), await through(cell)))
        const { stale, unexcused } = judged(cell.name, found, exceptions())
        assert.deepEqual(unexcused, [])
        assert.deepEqual(stale, [])
      }))
  }
})
