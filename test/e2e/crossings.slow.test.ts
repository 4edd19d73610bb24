/** Many users at many servers at once: nobody ever gets what is another's. For longer: `npm run crossings -- --minutes 30`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "../kit/crossings/run.ts"

const seed = Number(process.env["MANIFOLD_SEED"] ?? Date.now() % 100_000)

describe("200 users of 20 servers, with tokens that end and strategies that are built anew meanwhile", () => {
  it.live(`get their own answers and see their own lists, and never anybody else's (seed ${seed})`, () =>
    Effect.gen(function*() {
      const { calls, crossings, failures, given, lists, reloads } = yield* Effect.promise(() => run({ seed, seconds: 12, users: 200, servers: 20, callers: 64 }))
      assert.deepStrictEqual(crossings, [], `seed ${seed}`)
      assert.deepStrictEqual(failures.slice(0, 5), [], `seed ${seed}: ${failures.length} of ${calls + lists} failed`)
      assert.isAbove(calls, 100)
      assert.isAbove(given, 50)
      assert.isAbove(reloads, 2)
    }))
})
