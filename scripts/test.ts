/**
 * `npm test`: every test, then the coverage of src and plugins, then one line `N passed, N failed`.
 * Coverage is what the fast tests run themselves, and what the gateways run that slow tests start
 * (`coverage/processes`): the slow tests' own processes are not counted, which would cost more than it shows.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"

interface Results {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

const environment = { ...process.env, MANIFOLD_COVERAGE: resolve("coverage/processes") }

const run = (file: string, ...args: ReadonlyArray<string>) =>
  spawnSync(file, args, { stdio: "inherit", env: environment }).status === 0

rmSync("coverage", { recursive: true, force: true })
mkdirSync("coverage/processes", { recursive: true })
const filters = process.argv.slice(2)
const none: Results = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 }

const tested = (project: string, ...more: ReadonlyArray<string>) => {
  const file = `coverage/${project}.json`
  const passed = run("vitest", "run", "--project", project, "--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...more, ...filters)
  const results: Results = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : none
  return { passed, results }
}

const all = [tested("fast", "--coverage"), tested("slow")]
const covered = run("node", "scripts/coverage.ts")
const sum = (count: keyof Results) => all.reduce((so, { results }) => so + results[count], 0)
const skipped = sum("numPendingTests")
console.log(`${sum("numPassedTests")} passed, ${sum("numFailedTests")} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`)
process.exitCode = covered && all.every(({ passed }) => passed) ? 0 : 1
