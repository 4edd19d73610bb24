/**
 * `npm run bench`: processor time of the gateway per 1 KB tools/call, next to a plain node:http
 * reverse proxy in the same run. Rounds are interleaved and ratios taken within a round, so that
 * a busy machine slows both; the median of the rounds is shown.
 *
 * `--short` one quick round, `--json` for machines, `--gateway "node other.mjs"` another gateway.
 */
import { rmSync } from "node:fs"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { startGateway } from "../../test/kit/gateway.ts"
import { start, type Started } from "../../test/kit/process.ts"
import { type Era, type Load, openLoad } from "./load.ts"
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

const gatewayTo = (server: object) =>
  startGateway(
    { servers: [{ id: "bench", auth_strategy: "bypass_auth", ...server }] },
    { command: options.gateway.split(" ") }
  )

/** A server may still be starting when the gateway listens. */
const openWhenReady = async (url: string, tool: string, era: Era): Promise<Load> => {
  for (let tries = 0; ; tries++) {
    try {
      return await openLoad({ url, tool, era })
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

const rowsOf = async (name: string, { pid, url }: Started, tool: string): Promise<ReadonlyArray<Row>> => {
  const eras: ReadonlyArray<Era> = ["legacy", "modern"]
  return Promise.all(eras.map(async (era) => ({ name, era, pid, load: await openWhenReady(url, tool, era), micros: [] })))
}

/** How much more than the proxy, in the same era and round. */
const ratioOf = (row: Row, rows: ReadonlyArray<Row>): number => {
  const proxy = rows.find(({ era, name }) => name === "proxy" && era === row.era)
  return median(row.micros.map((micros, round) => micros / (proxy?.micros[round] ?? NaN)))
}

const report = (rows: ReadonlyArray<Row>) => {
  const results = rows.map((row) => ({ name: row.name, era: row.era, micros: median(row.micros), ratio: ratioOf(row, rows) }))
  if (options.json) {
    console.log(JSON.stringify({ node: process.version, rounds, slice, callers: 16, results }))
    return
  }
  console.log(`processor time per 1 KB tools/call, 16 callers, ${rounds} rounds of ${slice} ms, Node ${process.version}\n`)
  console.log("| what | era | µs per call | x proxy |\n|---|---|---:|---:|")
  for (const { era, micros, name, ratio } of results) console.log(`| ${name} | ${era} | ${micros.toFixed(1)} | ${ratio.toFixed(2)} |`)
}

const backend = await start({ command: ["node", `${here}/backend.ts`, "http"], listening })
const running: Array<Started> = [backend]
const directories: Array<string> = []
try {
  const proxy = await start({ command: ["node", `${here}/proxy.ts`, backend.url], listening })
  running.push(proxy)
  const args = [resolve(here, "backend.ts"), "stdio"]
  const overHttp = await gatewayTo({ type: "remote", url: backend.url })
  running.push(overHttp)
  const overStdio = await gatewayTo({ type: "local", command: process.execPath, config: { args } })
  running.push(overStdio)
  directories.push(overHttp.directory, overStdio.directory)

  const rows = [
    ...await rowsOf("proxy", proxy, "echo"),
    ...await rowsOf("gateway, http server", overHttp, "bench__echo"),
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
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
