/** What a gateway process of its own costs and how long it takes: sessions, parked calls, listens. */
import { readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { Effect } from "effect"
import { serving } from "../../test/kit/calls.ts"
import { freePort } from "../../test/kit/everything.ts"
import { type Gateway, startGateway } from "../../test/kit/gateway.ts"
import { INSPECTED, inspect, type Inspected } from "../../test/kit/inspect.ts"

export interface Memory {
  /** Bytes in use after a collection. */
  readonly heap: number
  /** Bytes that the system counts. */
  readonly resident: number
}

export interface Measured {
  readonly gate: Gateway
  readonly memory: () => Promise<Memory>
}

/** A gateway in front of a legacy and a modern server, for as long as `use` takes. */
export const measuring = async <A>(use: (measured: Measured) => Promise<A>): Promise<A> => {
  const gate = await startGateway({ servers: [await model("legacy"), await model("modern")] }, { ...INSPECTED, args: ["--set", "hosting.drain=3 seconds"] })
  try {
    await serving(gate.url, "legacy", "modern")
    const inspected = await inspect(gate)
    const result = await use({ gate, memory: () => memoryOf(gate, inspected) })
    inspected.close()
    return result
  } finally {
    await gate.stop()
    rmSync(gate.directory, { recursive: true, force: true })
  }
}

const model = async (era: "legacy" | "modern") => ({
  id: era,
  type: "local",
  command: "node",
  auth_strategy: "bypass_auth",
  config: { args: [resolve("test/fixtures/servers/model.mjs"), era], environment: { ERA: era }, port: await Effect.runPromise(freePort) }
})

const memoryOf = async ({ pid }: Gateway, { heap }: Inspected): Promise<Memory> => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  return { heap: await heap(), resident: Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1] ?? 0) * 1024 }
}

/** Runs `each` for 0, 1, ... `count - 1`, some at once. */
export const many = async <A>(count: number, each: (index: number) => Promise<A>, atOnce = 32): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for (let at = 0; at < count; at += atOnce) {
    all.push(...await Promise.all(Array.from({ length: Math.min(atOnce, count - at) }, (_, index) => each(at + index))))
  }
  return all
}

export const kB = (bytes: number): number => Math.round(bytes / 100) / 10
