/**
 * Looks for one user's credential, list or answer at another for as long as one likes:
 * `node scripts/crossings.ts [--minutes 5] [--seed 1] [--users 200] [--servers 20] [--callers 64]`.
 * Prints what was done and every crossing; exits with 1 when there is any.
 */
import { parseArgs } from "node:util"
import { run } from "../test/kit/crossings/run.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    users: { type: "string", default: "200" },
    servers: { type: "string", default: "20" },
    callers: { type: "string", default: "64" }
  }
})

console.log(`seed ${values.seed}`)
const { crossings, failures, ...done } = await run({
  seed: Number(values.seed),
  seconds: Number(values.minutes) * 60,
  users: Number(values.users),
  servers: Number(values.servers),
  callers: Number(values.callers)
})
console.table({ ...done, failures: failures.length, crossings: crossings.length })
for (const one of crossings.slice(0, 20)) console.log(`crossed: ${one}`)
for (const one of failures.slice(0, 10)) console.log(`failed: ${one}`)
process.exitCode = crossings.length === 0 ? 0 : 1
