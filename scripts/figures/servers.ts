/** What servers cost that nobody uses: with idle_stop they are listed without a process. */
import { readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { call, statusOf, until } from "../../test/kit/calls.ts"
import { startGateway } from "../../test/kit/gateway.ts"
import { INSPECTED, inspect } from "../../test/kit/inspect.ts"
import { kB } from "./measure.ts"

export interface ServersFigures {
  readonly servers: number
  readonly "processes, running": number
  readonly "processes, idle": number
  readonly "resident with children, running, MB": number
  readonly "resident, idle, MB": number
  readonly "heap each, idle, kB": number
  readonly "first call, ms": number
}

const residentOf = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1_000_000)

/** @param idleStop has to be longer than the start of all of them takes */
export const servers = async (count: number, idleStop: string): Promise<ServersFigures> => {
  const entries = (some: number) => Array.from({ length: some }, (_, index) => ({
    id: `s${index}`,
    type: "local",
    command: "node",
    auth_strategy: "bypass_auth",
    idle_stop: idleStop,
    config: { args: [resolve("test/fixtures/servers/answer.mjs"), `${index}`] }
  }))
  // What the first of them costs once is not what each costs.
  const gate = await startGateway({ servers: entries(1) }, INSPECTED)
  try {
    await call(gate.url, "s0__answer", {})
    const inspected = await inspect(gate)
    const before = await inspected.heap()
    gate.rewrite({ servers: entries(count) })
    await until(() => statusOf(gate.url), ({ servers }) => servers.length === count && servers.every(({ actual }) => actual.phase === "ready"), 120)
    const children = gate.descendants()
    const running = [gate.pid, ...children].reduce((sum, pid) => sum + residentOf(pid), 0)
    await until(async () => gate.descendants().length, (left) => left === 0, 180)
    const heap = (await inspected.heap() - before) / (count - 1)
    const idle = residentOf(gate.pid)
    const began = performance.now()
    const { error, text } = await call(gate.url, `s${count - 1}__answer`, {})
    if (text !== `${count - 1}`) throw new Error(error ?? text)
    const first = Math.round(performance.now() - began)
    inspected.close()
    return {
      servers: count,
      "processes, running": children.length,
      "processes, idle": 0,
      "resident with children, running, MB": megabytes(running),
      "resident, idle, MB": megabytes(idle),
      "heap each, idle, kB": kB(heap),
      "first call, ms": first
    }
  } finally {
    await gate.stop()
    rmSync(gate.directory, { recursive: true, force: true })
  }
}
