/**
 * The official suite direct and through the gateway, in every cell: era of the client, era of the server behind it, and
 * how that is reached. Direct is the fixture over HTTP in the client's era. Totals hide a check that is no longer run, so
 * check by check: what passes direct must pass through, unless test/conformance-exceptions.json says why it cannot.
 */
import { readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { postCall, serving } from "../../test/kit/calls.ts"
import { startConformanceFixture, startGateway } from "../../test/kit/gateway.ts"
import { type Outcome, type Result, type Revision, runSuite } from "./suite.ts"

const eras = ["legacy", "modern"] as const
const transports = ["http", "stdio"] as const
export type Era = typeof eras[number]

export interface Cell {
  /** `client-backend-transport`, such as `legacy-modern-http`. */
  readonly name: string
  readonly client: Era
  readonly backend: Era
  readonly transport: typeof transports[number]
}

export const cells: ReadonlyArray<Cell> = eras.flatMap((client) =>
  eras.flatMap((backend) =>
    transports.map((transport) => ({ name: `${client}-${backend}-${transport}`, client, backend, transport }))
  )
)

export const revisionOf: Readonly<Record<Era, Revision>> = { legacy: "2025-11-25", modern: "2026-07-28" }

export interface Difference {
  readonly check: string
  readonly direct: string
  readonly through: string
  /** What the suite said of it through the gateway. */
  readonly said: string
}

/** Checks that pass direct and not through, and checks that fail and exist only through. */
export const differences = (direct: Outcome, through: Result): ReadonlyArray<Difference> => {
  const said = (check: string) => through.said.get(check) ?? ""
  const lost = [...direct].filter(([check, status]) => status === "SUCCESS" && through.outcome.get(check) !== "SUCCESS")
  const added = [...through.outcome].filter(([check, status]) => status === "FAILURE" && !direct.has(check))
  return [
    ...lost.map(([check, status]) => ({ check, direct: status, through: through.outcome.get(check) ?? "missing", said: said(check) })),
    ...added.map(([check, status]) => ({ check, direct: "missing", through: status, said: said(check) }))
  ]
}

/** Checks that cannot pass in some cells, and the rule of the protocol that forbids it. */
export interface Exception {
  readonly cells: ReadonlyArray<string>
  readonly checks: ReadonlyArray<string>
  readonly reason: string
}

export const exceptions = (): ReadonlyArray<Exception> => JSON.parse(readFileSync("test/conformance-exceptions.json", "utf8"))

export interface Judged {
  readonly unexcused: ReadonlyArray<Difference>
  readonly excused: ReadonlyArray<Difference>
  /** Exceptions of this cell that are none any more. */
  readonly stale: ReadonlyArray<string>
}

export const judged = (cell: string, found: ReadonlyArray<Difference>, allowed: ReadonlyArray<Exception>): Judged => {
  const excuses = new Set(allowed.filter(({ cells }) => cells.includes(cell)).flatMap(({ checks }) => checks))
  return {
    unexcused: found.filter(({ check }) => !excuses.has(check)),
    excused: found.filter(({ check }) => excuses.has(check)),
    stale: [...excuses].filter((check) => !found.some((difference) => difference.check === check))
  }
}

/** The yardstick for clients of an era. */
export const direct = async (client: Era, scenario?: string): Promise<Outcome> => {
  const fixture = await startConformanceFixture(client)
  try {
    return (await runSuite({ url: fixture.url, revision: revisionOf[client], scenario })).outcome
  } finally {
    await fixture.stop()
  }
}

/** The same, through a gateway in front of a fixture that knows only the backend's era. */
export const through = async ({ backend, client, transport }: Cell, scenario?: string): Promise<Result> => {
  const fixture = transport === "http" ? await startConformanceFixture(backend) : undefined
  const server = fixture === undefined ? onStdio(client, backend) : { type: "remote", url: fixture.url }
  try {
    const gateway = await startGateway({
      aggregation: { prefix: "never" },
      servers: [{ id: "fixture", auth_strategy: "bypass_auth", ...server }]
    })
    try {
      await serving(gateway.url, "fixture")
      if (client === "modern" && transport === "stdio") await warm(gateway.url)
      return await runSuite({ url: gateway.url, revision: revisionOf[client], scenario })
    } finally {
      await gateway.stop()
      rmSync(gateway.directory, { recursive: true, force: true })
    }
  } finally {
    await fixture?.stop()
  }
}

/** The suite gives one call 600 ms (test_streaming_elicitation); the process that is started for it is there before. */
const warm = async (url: string): Promise<void> => {
  await (await postCall(url, { name: "test_simple_text", capabilities: { elicitation: {} } })).text()
}

/**
 * A legacy server on stdio does not say whose question a question is, so whoever can be asked needs a process of
 * their own: each session of a legacy client, and, since modern clients have no sessions, each user of those.
 */
const onStdio = (client: Era, backend: Era) => ({
  type: "local",
  command: process.execPath,
  config: { args: [resolve("test/fixtures/conformance/main.ts"), "--stdio", "--era", backend] },
  ...(backend === "modern" ? {} : { sharing: client === "legacy" ? "per_session" : "per_principal" })
})
