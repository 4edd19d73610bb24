/**
 * Replaces a server of every source again and again: `node scripts/reloads.ts [--rounds 100]`. Prints what the gateway held
 * before, after and at the end, and its memory on the way; exits with 1 when something was left behind.
 */
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { moreIn, reloads } from "../test/kit/sources/reloads.ts"

const { values } = parseArgs({ options: { rounds: { type: "string", default: "100" } } })

const { after, before, empty, memory, sources } = await Effect.runPromise(Effect.scoped(reloads(Number(values.rounds))))
console.log(`${values.rounds} reloads of ${sources.join(", ")}`)
console.table({ before, after, empty })
const every = Math.max(1, Math.floor(memory.length / 10))
console.table(memory.map(({ heap, resident }, index) => ({ round: index + 1, "heap, MiB": heap.toFixed(1), "resident, MiB": resident.toFixed(0) }))
  .filter(({ round }) => round % every === 0))
const isClean = moreIn(after, before).length === 0 && empty.processes + empty.containers + empty.temporary === 0
process.exitCode = isClean ? 0 : 1
