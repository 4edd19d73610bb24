/** Servers that are killed in the middle of a call, and calls that hang, as often as one likes: how long until the caller hears. */
import { rmSync } from "node:fs"
import { call, serving, statusOf } from "../calls.ts"
import { fixtureEntry } from "../fixtures.ts"
import { type Gateway, startGateway } from "../gateway.ts"

export interface Kills {
  readonly kills: number
  /** Milliseconds from the signal to the end of the answer. */
  readonly median: number
  readonly longest: number
  /** Answers that were not the error that they should have been. */
  readonly wrong: ReadonlyArray<string>
  /** Calls to another server meanwhile, and how many of them failed. */
  readonly others: number
  readonly disturbed: number
}

/** A process for each call, so that no budget of restarts ends it early. */
const behind = async <A>(timeout: string, use: (gate: Gateway) => Promise<A>): Promise<A> => {
  const gate = await startGateway({
    servers: [fixtureEntry({ id: "own", entry: { sharing: "per_session" } }), fixtureEntry({ id: "shared", entry: { timeout } }), fixtureEntry({ id: "other" })]
  })
  try {
    await serving(gate.url, "own", "shared", "other")
    return await use(gate)
  } finally {
    await gate.stop()
    rmSync(gate.directory, { recursive: true, force: true })
  }
}

/** @param atOnce how many calls wait for their ends at once */
export const kills = (count: number, atOnce = 4): Promise<Kills> =>
  behind("60 seconds", async ({ url }) => {
    const times: Array<number> = []
    const wrong: Array<string> = []
    let [begun, others, disturbed] = [0, 0, 0]
    const killer = async () => {
      while (begun < count) {
        begun++
        const { millis, text } = await killed(url)
        times.push(millis)
        if (!/"code":-32603,"message":"Server \\"own\\" ended by SIGKILL"/u.test(text)) wrong.push(text)
      }
    }
    const over = new AbortController()
    const other = async () => {
      while (!over.signal.aborted) {
        const { text } = await call(url, "other__echo", { n: others })
        if (text !== `{"n":${others++}}`) disturbed++
      }
    }
    const watching = other()
    await Promise.all(Array.from({ length: atOnce }, killer))
    over.abort()
    await watching
    return { kills: count, ...spread(times), wrong, others, disturbed }
  })

/** Calls a tool that says the pid of its process and never answers, and kills that. */
const killed = async (url: string): Promise<{ readonly millis: number; readonly text: string }> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "own__dangle" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "own__dangle",
        arguments: {},
        _meta: { progressToken: "p", "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} }
      }
    })
  })
  let text = ""
  let began: number | undefined
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    const pid = /"message":"(\d+)"/u.exec(text)?.[1]
    if (pid === undefined || began !== undefined) continue
    began = performance.now()
    process.kill(Number(pid), "SIGKILL")
  }
  return { millis: performance.now() - (began ?? Number.NEGATIVE_INFINITY), text: text.slice(-1000) }
}

export interface Hangs {
  readonly hangs: number
  /** Milliseconds after the time limit at which the caller heard. */
  readonly median: number
  readonly longest: number
  /** Calls that the gateway still counts when all are over. */
  readonly left: number
}

/** Calls that nobody answers, one after the other. */
export const hangs = (count: number): Promise<Hangs> =>
  behind("500ms", async ({ url }) => {
    const times: Array<number> = []
    for (let index = 0; index < count; index++) {
      const began = performance.now()
      const { error } = await call(url, "shared__hang", {})
      if (error !== "Server \"shared\" did not answer within 500 ms") throw new Error(error)
      times.push(performance.now() - began - 500)
    }
    const { servers } = await statusOf(url)
    const shared = servers.find(({ id }) => id === "shared")?.actual
    return { hangs: count, ...spread(times), left: shared !== undefined && "calls" in shared ? Number(shared.calls) : 0 }
  })

const spread = (times: ReadonlyArray<number>) => {
  const sorted = times.toSorted((a, b) => a - b)
  const tenth = (value = 0) => Math.round(value * 10) / 10
  return { median: tenth(sorted[Math.floor(sorted.length / 2)]), longest: tenth(sorted.at(-1)) }
}
