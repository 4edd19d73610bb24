/** `npm run conformance`: the matrix of matrix.ts, printed cell by cell; fails on a difference without an exception. */
import { parseArgs } from "node:util"
import { cells, differences, direct, exceptions, judged, revisionOf, through } from "./matrix.ts"
import { type Outcome, tally } from "./suite.ts"

const help = `npm run conformance -- [--cell client-backend-transport] [--scenario name] [--json]

Runs the official suite against the fixture itself and through the gateway, and compares check by check.
  --cell      one cell only, such as legacy-modern-http: a legacy client, a modern server, reached over HTTP
  --scenario  one scenario of the suite only
  --json      every check with its status direct and through, as JSON

Cells: ${cells.map(({ name }) => name).join(", ")}`

const { values } = parseArgs({
  options: {
    cell: { type: "string" },
    scenario: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

const chosen = cells.filter(({ name }) => values.cell === undefined || name === values.cell)
if (values.help || chosen.length === 0) {
  console.log(help)
  process.exit(values.help ? 0 : 64)
}

const yardsticks = new Map<string, Outcome>()
const report: Array<object> = []
for (const cell of chosen) {
  const yardstick = yardsticks.get(cell.client) ?? await direct(cell.client, values.scenario)
  yardsticks.set(cell.client, yardstick)
  const result = await through(cell, values.scenario)
  const { excused, stale, unexcused } = judged(cell.name, differences(yardstick, result), exceptions())
  // One scenario says nothing about exceptions in the others.
  const outdated = stale.filter((check) => values.scenario === undefined || check.startsWith(`${values.scenario}:`))
  if (unexcused.length + outdated.length > 0) process.exitCode = 1
  report.push({
    cell: cell.name,
    revision: revisionOf[cell.client],
    direct: Object.fromEntries(yardstick),
    through: Object.fromEntries(result.outcome),
    unexcused,
    excused,
    stale: outdated
  })
  if (values.json) continue
  console.log(`${cell.name} (${revisionOf[cell.client]}): direct ${tally(yardstick)}; through ${tally(result.outcome)}; ${excused.length} excused`)
  for (const { check, direct, said, through } of unexcused) console.log(`  ${check}: ${direct} direct, ${through} through: ${said}`)
  for (const check of outdated) console.log(`  ${check}: has an exception, and needs none`)
}
if (values.json) console.log(JSON.stringify(report, undefined, 2))
