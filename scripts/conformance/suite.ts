/** One run of the official suite against an address, as the status of every check it wrote. */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** Status by `scenario:check-id`; the second check with the same id in a scenario ends in `#2`. */
export type Outcome = ReadonlyMap<string, string>

export interface Check {
  readonly id: string
  readonly status: string
  readonly errorMessage?: string
}

export const revisions = ["2025-11-25", "2026-07-28"] as const
export type Revision = typeof revisions[number]

export interface Run {
  readonly url: string
  readonly revision: Revision
  /** One scenario instead of all that the revision requires or knows. */
  readonly scenario?: string | undefined
}

export interface Result {
  readonly outcome: Outcome
  /** What the suite said of a check that did not pass, by the same keys. */
  readonly said: ReadonlyMap<string, string>
}

/** The checks of one scenario under their keys, in the order the suite wrote them. */
export const keyed = (scenario: string, checks: ReadonlyArray<Check>): ReadonlyArray<readonly [string, Check]> => {
  const seen = new Map<string, number>()
  return checks.map((check) => {
    const count = (seen.get(check.id) ?? 0) + 1
    seen.set(check.id, count)
    return [`${scenario}:${check.id}${count === 1 ? "" : `#${count}`}`, check] as const
  })
}

const suite = () => {
  const root = dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json"))
  return join(root, "dist/index.js")
}

/** The suite as a client of the server at `url`. */
export const runSuite = ({ revision, scenario, url }: Run): Promise<Result> => {
  const chosen = scenario === undefined
    ? ["--requirements", revision]
    : ["--scenario", scenario, "--spec-version", revision, "--force"]
  return resultOf(["server", "--url", url, ...chosen])
}

/** The suite as the server that `command`, which gets its URL as last argument, is a client of. */
export const runAsServer = (command: string, scenario: string, revision?: Revision): Promise<Result> =>
  resultOf(["client", "--command", command, "--scenario", scenario, ...(revision === undefined ? [] : ["--spec-version", revision, "--force"])])

export interface Granting {
  /** Of the authorization server. */
  readonly issuer: string
  readonly clientId: string
  readonly resource: string
  readonly port: number
  /** A user with a browser, for the address that the suite prints. */
  readonly visit: (url: string) => Promise<unknown>
}

/** The suite as a client of an authorization server. */
export const runAuthorization = ({ clientId, issuer, port, resource, visit }: Granting): Promise<Result> => {
  let printed = ""
  let visited = false
  return resultOf(["authorization", "--url", issuer, "--client-id", clientId, "--resource", resource, "--port", String(port)], (text) => {
    printed += text
    const url = /^(https?:\/\/\S+[?&]response_type=code\S*)$/mu.exec(printed)?.[1]
    if (url === undefined || visited) return
    visited = true
    void visit(url)
  })
}

/** The suite's exit code says less than the checks, which it writes scenario by scenario. */
const resultOf = async (args: ReadonlyArray<string>, heard?: (text: string) => void): Promise<Result> => {
  const directory = mkdtempSync(join(tmpdir(), "conformance-"))
  try {
    const log = await outputOf("node", [suite(), ...args, "-o", directory], heard)
    // A scenario with a slash in its name has folders in folders.
    const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith("checks.json"))
    const checks = files.flatMap((file) => {
      const ran = dirname(file).replace(/^server-/u, "").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/u, "")
      return keyed(ran, JSON.parse(readFileSync(join(directory, file), "utf8")))
    })
    if (checks.length === 0) throw new Error(`the suite wrote no results:\n${log.slice(-2000)}`)
    return {
      outcome: new Map(checks.map(([key, { status }]) => [key, status])),
      said: new Map(checks.map(([key, { errorMessage }]) => [key, errorMessage ?? ""]))
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const outputOf = (file: string, args: ReadonlyArray<string>, heard: (text: string) => void = () => {}): Promise<string> =>
  new Promise((done, failed) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString()
        heard(chunk.toString())
      })
    }
    child.once("error", failed)
    child.once("close", () => done(output))
  })

export const tally = (outcome: Outcome): string => {
  const count = (status: string) => [...outcome.values()].filter((each) => each === status).length
  return `${count("SUCCESS")} passed, ${count("FAILURE")} failed`
}
