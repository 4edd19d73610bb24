/**
 * `npm run conformance`: the official suite against our fixture server, direct and through the gateway.
 *
 * Totals hide a check that silently stopped being run, so the two are compared check by check:
 * what passes direct must pass through, and what is missing has failed.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { startConformanceFixture, startGateway } from "../test/kit/gateway.ts"

/** Status by `scenario:check-id`; the second check with the same id in a scenario ends in `#2`. */
export type Outcome = ReadonlyMap<string, string>

export interface Difference {
  readonly check: string
  readonly direct: string
  readonly through: string
}

interface Check {
  readonly id: string
  readonly status: string
  readonly errorMessage?: string
}

export const revisions = ["2025-11-25", "2026-07-28"] as const
export type Revision = typeof revisions[number]

const eras: Readonly<Record<Revision, "legacy" | "modern">> = { "2025-11-25": "legacy", "2026-07-28": "modern" }
const exceptionsFile = "test/conformance-exceptions.json"

/** Checks that pass direct and not through, and checks that fail and exist only through. */
export const differences = (direct: Outcome, through: Outcome): ReadonlyArray<Difference> => {
  const lost = [...direct].filter(([check, status]) => status === "SUCCESS" && through.get(check) !== "SUCCESS")
  const added = [...through].filter(([check, status]) => status === "FAILURE" && !direct.has(check))
  return [
    ...lost.map(([check, status]) => ({ check, direct: status, through: through.get(check) ?? "missing" })),
    ...added.map(([check, status]) => ({ check, direct: "missing", through: status }))
  ]
}

/** The statuses of one scenario, in the order the suite wrote them. */
export const outcomeOf = (scenario: string, checks: ReadonlyArray<Check>): Outcome => {
  const seen = new Map<string, number>()
  return new Map(checks.map(({ id, status }) => {
    const count = (seen.get(id) ?? 0) + 1
    seen.set(id, count)
    return [`${scenario}:${id}${count === 1 ? "" : `#${count}`}`, status]
  }))
}

/** Exceptions, each with its reason, by `revision/scenario:check-id`. */
export const exceptions = (): Readonly<Record<string, string>> => JSON.parse(readFileSync(exceptionsFile, "utf8"))

const suite = () => {
  const root = dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json"))
  return join(root, "dist/index.js")
}

/** Runs the suite against `url` and reads every check it wrote; the suite's exit code says less than these. */
export const runSuite = async (url: string, revision: Revision): Promise<Outcome> => {
  const directory = mkdtempSync(join(tmpdir(), "conformance-"))
  try {
    const args = [suite(), "server", "--url", url, "--requirements", revision, "-o", directory]
    const log = await outputOf("node", args)
    const outcomes = readdirSync(directory).flatMap((name) => {
      const file = join(directory, name, "checks.json")
      const scenario = name.replace(/^server-/u, "").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/u, "")
      return existsSync(file) ? [...outcomeOf(scenario, JSON.parse(readFileSync(file, "utf8")))] : []
    })
    if (outcomes.length === 0) throw new Error(`the suite wrote no results:\n${log.slice(-2000)}`)
    return new Map(outcomes)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const outputOf = (file: string, args: ReadonlyArray<string>): Promise<string> =>
  new Promise((done, failed) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.once("error", failed)
    child.once("close", () => done(output))
  })

export interface Comparison {
  readonly revision: Revision
  readonly direct: Outcome
  readonly through: Outcome
  /** Without those that the exceptions file excuses. */
  readonly differences: ReadonlyArray<Difference>
}

/** The fixture in the revision's own era, so that no bridge between eras is measured here. */
export const compare = async (revision: Revision): Promise<Comparison> => {
  const fixture = await startConformanceFixture(eras[revision])
  try {
    const direct = await runSuite(fixture.url, revision)
    const gateway = await startGateway({
      aggregation: { prefix: "never" },
      servers: [{ id: "fixture", type: "remote", url: fixture.url, auth_strategy: "bypass_auth" }]
    })
    try {
      await untilReady(gateway.url)
      const through = await runSuite(gateway.url, revision)
      const excused = exceptions()
      const found = differences(direct, through).filter(({ check }) => excused[`${revision}/${check}`] === undefined)
      return { revision, direct, through, differences: found }
    } finally {
      await gateway.stop()
      rmSync(gateway.directory, { recursive: true, force: true })
    }
  } finally {
    await fixture.stop()
  }
}

/** The gateway listens before its servers have started; the suite must not meet an empty catalogue. */
const untilReady = async (url: string): Promise<void> => {
  const servers = new URL("/api/v1/servers", url)
  for (let tries = 0; tries < 100; tries++) {
    const text = await fetch(servers).then((response) => response.text()).catch(() => "")
    if (/"ready"/u.test(text)) return
    await new Promise((next) => setTimeout(next, 100))
  }
  throw new Error(`${servers.href} never said that the fixture is ready`)
}

export const tally = (outcome: Outcome): string => {
  const count = (status: string) => [...outcome.values()].filter((each) => each === status).length
  return `${count("SUCCESS")} passed, ${count("FAILURE")} failed`
}

if (import.meta.main) {
  for (const revision of revisions) {
    const compared = await compare(revision)
    console.log(`${revision}: direct ${tally(compared.direct)}; through the gateway ${tally(compared.through)}`)
    for (const { check, direct, through } of compared.differences) console.log(`  ${check}: ${direct} direct, ${through} through`)
    if (compared.differences.length > 0) process.exitCode = 1
  }
}
