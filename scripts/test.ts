/**
 * `npm test`: every test, then the coverage of src and plugins, then one line `N passed, N failed`.
 * The gateways that tests start write their own coverage (`coverage/processes`), which is merged in.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"

const results = "coverage/results.json"

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
const passed = run("vitest", "run", "--coverage", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`, ...filters)
const covered = run("node", "scripts/coverage.ts")
const none: Results = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 }
const { numFailedTests, numPassedTests, numPendingTests }: Results = existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : none
const skipped = numPendingTests === 0 ? "" : `, ${numPendingTests} skipped`
console.log(`${numPassedTests} passed, ${numFailedTests} failed${skipped}`)
process.exitCode = passed && covered ? 0 : 1
