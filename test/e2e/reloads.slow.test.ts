/** Reloads leave nothing behind, whatever the servers come from. A hundred of them: `node scripts/reloads.ts`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { noRegistry } from "../kit/docker.ts"
import { moreIn, reloads } from "../kit/sources/reloads.ts"

const ROUNDS = Number(process.env["MANIFOLD_RELOADS"] ?? 10)
if (noRegistry !== undefined) console.log(`skipped: a container among the servers that are reloaded, ${noRegistry}`)

describe(`${ROUNDS} reloads of a server of every source`, () => {
  it.live("leave no process, container, mount, temporary folder, open file or memory that was not there before", () =>
    Effect.gen(function*() {
      const { after, before, empty, memory } = yield* reloads(ROUNDS)
      assert.deepStrictEqual(moreIn(after, before), [])
      assert.deepInclude(empty, { processes: 0, containers: 0, temporary: 0 })
      assert.isAtMost(empty.mounts, before.mounts)
      // What grows a little is the code that Node has compiled; what a round still holds at its end is another matter.
      assert.isBelow(Math.min(...memory.slice(-3).map(({ heap }) => heap)) - (memory[2]?.heap ?? 0), 5, "MiB")
    }).pipe(Effect.scoped), 90_000 + ROUNDS * 10_000)
})
