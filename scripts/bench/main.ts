/**
 * `npm run bench`: processor time of the gateway per 1 KB tools/call, next to a plain node:http
 * reverse proxy in the same run, and what it costs to know who calls. Rounds are interleaved and ratios taken within a round, so that
 * a busy machine slows both; the median of the rounds is shown.
 *
 * `--short` one quick round, `--json` for machines, `--gateway "node other.mjs"` another gateway.
 */
import { rmSync } from "node:fs"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { type Gateway, startGateway } from "../../test/kit/gateway.ts"
import { start, type Started } from "../../test/kit/process.ts"
import { credentials } from "./credentials.ts"
import { type Era, type Load, openLoad, type Target } from "./load.ts"
import { processorTime } from "./processorTime.ts"

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
    slice: { type: "string" },
    gateway: { type: "string", default: "node dist/manifold.mjs" }
  }
})
const rounds = Number(options.rounds ?? (options.short ? 1 : 7))
const slice = Number(options.slice ?? (options.short ? 150 : 1000))
const listening = /^listening on (http:\/\/\S+)\n/u
const here = import.meta.dirname

interface Row {
  readonly name: string
  readonly era: Era
  readonly pid: number
  readonly load: Load
  readonly micros: Array<number>
}

const median = (numbers: ReadonlyArray<number>): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

const running: Array<Started> = []
const directories: Array<string> = []

const gatewayTo = async (server: object, more: object = {}): Promise<Gateway> => {
  const gate = await startGateway({ servers: [{ id: "bench", auth_strategy: "bypass_auth", ...server }], ...more }, { command: options.gateway.split(" ") })
  running.push(gate)
  directories.push(gate.directory)
  return gate
}

/** A server may still be starting when the gateway listens. */
const openWhenReady = async (target: Target): Promise<Load> => {
  for (let tries = 0; ; tries++) {
    try {
      return await openLoad(target)
    } catch (cause) {
      if (tries === 50) throw cause
      await new Promise((next) => setTimeout(next, 200))
    }
  }
}

const measure = async (row: Row, milliseconds: number): Promise<number> => {
  const before = processorTime(row.pid)
  const calls = await row.load.run(milliseconds)
  return (processorTime(row.pid) - before) / calls
}

const rowsOf = async (name: string, { pid, url }: Started, tool: string, headers: Target["headers"] = {}): Promise<ReadonlyArray<Row>> => {
  const eras: ReadonlyArray<Era> = ["legacy", "modern"]
  return Promise.all(eras.map(async (era) => ({ name, era, pid, load: await openWhenReady({ url, tool, era, headers }), micros: [] })))
}

/** Against another row, in the same era and round by round. */
const against = (row: Row, rows: ReadonlyArray<Row>, other: string, compare: (micros: number, of: number) => number): number => {
  const found = rows.find(({ era, name }) => name === other && era === row.era)
  return median(row.micros.map((micros, round) => compare(micros, found?.micros[round] ?? NaN)))
}

const PLAIN = "gateway, http server"

const report = (rows: ReadonlyArray<Row>) => {
  const results = rows.map((row) => ({
    name: row.name,
    era: row.era,
    micros: median(row.micros),
    ratio: against(row, rows, "proxy", (micros, proxy) => micros / proxy),
    over: row.name.startsWith(PLAIN) ? against(row, rows, PLAIN, (micros, plain) => micros - plain) : undefined
  }))
  if (options.json) {
    console.log(JSON.stringify({ node: process.version, rounds, slice, callers: 16, results }))
    return
  }
  console.log(`processor time per 1 KB tools/call, 16 callers, ${rounds} rounds of ${slice} ms, Node ${process.version}\n`)
  console.log("| what | era | µs per call | x proxy | µs over a call without authentication |\n|---|---|---:|---:|---:|")
  for (const { era, micros, name, over, ratio } of results) {
    console.log(`| ${name} | ${era} | ${micros.toFixed(1)} | ${ratio.toFixed(2)} | ${over === undefined || name === PLAIN ? "" : over.toFixed(1)} |`)
  }
}

const backend = await start({ command: ["node", `${here}/backend.ts`, "http"], listening })
running.push(backend)
const known = await credentials()
try {
  const proxy = await start({ command: ["node", `${here}/proxy.ts`, backend.url], listening })
  running.push(proxy)
  const args = [resolve(here, "backend.ts"), "stdio"]
  const far = { type: "remote", url: backend.url }
  const overHttp = await gatewayTo(far)
  const overStdio = await gatewayTo({ type: "local", command: process.execPath, config: { args } })
  const guarded = { ...known.signIn, api_keys: true }
  const quiet = await gatewayTo(far, { ...guarded, audit: false })
  const audited = await gatewayTo(far, guarded)
  const jwt = (gate: Gateway) => known.token(gate.url)

  const rows = [
    ...await rowsOf("proxy", proxy, "echo"),
    ...await rowsOf(PLAIN, overHttp, "bench__echo"),
    ...await rowsOf(`${PLAIN}, JWT`, quiet, "bench__echo", await jwt(quiet)),
    ...await rowsOf(`${PLAIN}, API key`, quiet, "bench__echo", await known.key(quiet)),
    ...await rowsOf(`${PLAIN}, JWT and audit`, audited, "bench__echo", await jwt(audited)),
    ...await rowsOf("gateway, stdio server", overStdio, "bench__echo")
  ]
  if (!options.short) for (const row of rows) await measure(row, 2 * slice)
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? rows : rows.toReversed()
    for (const row of order) row.micros.push(await measure(row, slice))
  }
  for (const { load } of rows) load.close()
  report(rows)
} finally {
  await Promise.all(running.map(({ stop }) => stop()))
  await known.close()
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
