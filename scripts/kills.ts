/**
 * Cases 81 and 83, with the bundle (`npm run build`), as often as one likes: `node scripts/kills.ts [--kills 1000] [--hangs 100] [--at-once 1]`. Prints how long callers
 * waited for their errors; exits with 1 when a kill took longer than 100 ms to be heard of, or somebody else noticed.
 */
import { parseArgs } from "node:util"
import { hangs, kills } from "../test/kit/supervision/kills.ts"

const { values } = parseArgs({ options: { kills: { type: "string", default: "1000" }, hangs: { type: "string", default: "100" }, "at-once": { type: "string", default: "1" } } })

const killed = await kills(Number(values.kills), Number(values["at-once"]))
const hung = await hangs(Number(values.hangs))
console.table({ "killed in a call (81)": { ...killed, wrong: killed.wrong.length }, "never answered (83)": hung })
for (const one of killed.wrong.slice(0, 5)) console.log(`wrong: ${one}`)
process.exitCode = killed.longest <= 100 && killed.wrong.length === 0 && killed.disturbed === 0 && hung.left === 0 ? 0 : 1
