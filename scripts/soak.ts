/**
 * The randomised test for as long as one likes: `node scripts/soak.ts [--minutes 5] [--seed 1] [--clients 8]`.
 * Prints what was done, what was left and every promise that was broken; exits with 1 when there is any.
 */
import { parseArgs } from "node:util"
import { brokenIn, run } from "../test/kit/model/run.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    clients: { type: "string", default: "8" }
  }
})

console.log(`seed ${values.seed}`)
const report = await run({ seed: Number(values.seed), seconds: Number(values.minutes) * 60, clients: Number(values.clients) })
console.table({ ...report.done, "heap more, bytes": report.grown })
const broken = brokenIn(report)
for (const one of broken) console.log(`broken: ${one}`)
if (broken.length > 0) console.log(report.stderr.split("\n").join("\n"))
process.exitCode = broken.length === 0 ? 0 : 1
