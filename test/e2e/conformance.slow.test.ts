import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { compare, revisions, runSuite, tally } from "../../scripts/conformance.ts"
import { conformanceFixture } from "../kit/gateway.ts"

/** What the suite counts against the fixture itself. */
const direct = { "2025-11-25": "84 passed, 0 failed", "2026-07-28": "196 passed, 0 failed" }

describe("the official conformance suite", () => {
  for (const revision of revisions) {
    it.live(`passes against the fixture itself in ${revision}, so that a loss is the gateway's`, () =>
      Effect.gen(function*() {
        const fixture = yield* conformanceFixture("both")
        const outcome = yield* Effect.promise(() => runSuite(fixture.url, revision))
        const failed = [...outcome].filter(([, status]) => status === "FAILURE")
        assert.deepEqual(failed, [])
        assert.strictEqual(tally(outcome), direct[revision])
      }).pipe(Effect.scoped))

    it.live(`passes through the gateway wherever it passes direct in ${revision}, check by check`, () =>
      Effect.gen(function*() {
        const { differences } = yield* Effect.promise(() => compare(revision))
        // The gateway does not relay tasks yet.
        assert.deepEqual(differences.filter(({ check }) => !check.startsWith("tasks-")), [])
      }))
  }
})
