/** One server of every source, each replaced again and again: what the gateway holds afterwards that it did not hold before. */
import { Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { statusOf, until } from "../calls.ts"
import { gateway } from "../gateway.ts"
import { write } from "../gitServer.ts"
import { inspect, INSPECTED } from "../inspect.ts"
import { folder, HELLO, world } from "./world.ts"

interface Entry {
  readonly id: string
  readonly type: string
  readonly config?: object
}

/** What grows where something is left behind. */
export interface Held {
  readonly processes: number
  readonly containers: number
  readonly mounts: number
  readonly temporary: number
  readonly files: number
  readonly descriptors: number
}

export interface Report {
  readonly sources: ReadonlyArray<string>
  /** Once every server has been replaced three times, and after the last. */
  readonly before: Held
  readonly after: Held
  /** When the manifest has no server any more. */
  readonly empty: Held
  /** Of the gateway after each round, in MiB: its heap after a collection, and what is resident. */
  readonly memory: ReadonlyArray<{ readonly heap: number; readonly resident: number }>
}

/** The servers of every-loader.yaml, and a folder that is built, as they are in this round. */
const serversIn = (round: number): ReadonlyArray<unknown> => {
  const shipped: ReadonlyArray<Entry> = parse(readFileSync("manifests/examples/every-loader.yaml", "utf8")).servers
  const built: Entry & Record<string, unknown> = { id: "from-copy", type: "local", path: "./built", install: true, watch: true, auth_strategy: "bypass_auth" }
  return [...shipped, built].map((entry) => ({
    ...entry,
    config: entry.type === "remote" ? { headers: { "x-round": String(round) } } : { ...entry.config, environment: { ROUND: String(round) } }
  }))
}

/** What there is more of now; less is what had only been on its way out. */
export const moreIn = (now: Held, before: Held): ReadonlyArray<string> =>
  Object.entries(before).flatMap(([name, count]) => {
    const { [name]: found = 0 } = { ...now }
    return found > count ? [`${name}: ${found}, ${count} before`] : []
  })

const linesOf = (file: string) => readFileSync(file, "utf8").trim().split("\n")

const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** Scoped: replaces all servers this often, and then takes them away. */
export const reloads = Effect.fnUntraced(function*(rounds: number) {
  const { docker, environment } = yield* world
  const temporary = join(yield* folder, "tmp")
  mkdirSync(temporary)
  const manifest = (round: number) => ({ servers: serversIn(round) })
  const gate = yield* gateway(manifest(0), {
    ...INSPECTED,
    environment: { ...environment, TMPDIR: temporary },
    prepare: async (directory) => write(directory, { "servers/hello.mjs": HELLO, "built/package.json": `{"main":"server.mjs"}`, "built/server.mjs": HELLO })
  })
  const held = async (): Promise<Held> => ({
    processes: gate.descendants().length,
    containers: (await docker?.containers())?.length ?? 0,
    mounts: linesOf("/proc/self/mountinfo").filter((line) => line.includes(docker?.folder ?? temporary)).length,
    // npm has Node keep what it compiled, once for all.
    temporary: readdirSync(temporary).filter((name) => name !== "node-compile-cache").length,
    files: readdirSync(join(gate.directory, "data"), { recursive: true }).length,
    descriptors: readdirSync(`/proc/${gate.pid}/fd`).length
  })
  const settled = async (expected: (now: Held) => boolean) => until(held, expected, 15).catch(held)
  const serving = async (round: number) => {
    if (round > 0) gate.rewrite(manifest(round))
    await until(() => statusOf(gate.url), ({ generation, servers }) =>
      generation === round + 1 && servers.every(({ actual, wanted }) => actual.phase === "ready" && actual.generation === round + 1 && wanted.problem === undefined), 90)
    return (await statusOf(gate.url)).servers.map(({ id }) => id)
  }

  return yield* Effect.promise(async (): Promise<Report> => {
    const sources = await serving(0)
    const inspected = await inspect(gate)
    const memory: Array<{ readonly heap: number; readonly resident: number }> = []
    let before: Held | undefined
    for (let round = 1; round <= rounds; round++) {
      await serving(round)
      memory.push({ heap: await inspected.heap() / 1024 ** 2, resident: residentOf(gate.pid) })
      // What was replaced is a moment on its way out. All but the remote one have a process: for a container it is the engine's client.
      if (round === Math.min(3, rounds)) before = await settled(({ containers, processes }) => processes === sources.length - 1 && containers <= 1)
    }
    const start = before ?? await held()
    const after = await settled((now) => moreIn(now, start).length === 0)
    inspected.close()
    gate.rewrite({ servers: [] })
    const empty = await settled(({ containers, processes }) => containers + processes === 0)
    return { sources, before: start, after, empty, memory }
  })
})
