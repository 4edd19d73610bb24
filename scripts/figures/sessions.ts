/** Memory of legacy sessions, with and without their GET stream, and that it is given back. */
import { type Exchange, exchange } from "../../test/kit/model/exchange.ts"
import { kB, many, type Measured, type Memory, measuring } from "./measure.ts"

export interface SessionFigures {
  readonly sessions: number
  readonly streams: number
  readonly "heap each, kB": number
  readonly "resident each, kB": number
  /** What as many again leave behind when they are deleted. */
  readonly "heap kept, kB": number
}

const VERSION = "2025-11-25"

interface Opened {
  readonly headers: Readonly<Record<string, string>>
  readonly stream: Exchange | undefined
}

const open = async (url: string, withStream: boolean): Promise<Opened> => {
  const clientInfo = { name: "figures", version: "1.0.0" }
  const params = { protocolVersion: VERSION, capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } }, clientInfo }
  const opening = exchange(url, { headers: {}, body: { jsonrpc: "2.0", id: 1, method: "initialize", params }, heard: () => {} })
  await opening.ended
  const headers = { "mcp-session-id": String(opening.headers()["mcp-session-id"]), "mcp-protocol-version": VERSION }
  await exchange(url, { headers, body: { jsonrpc: "2.0", method: "notifications/initialized" }, heard: () => {} }).ended
  const stream = withStream ? exchange(url, { method: "GET", headers, heard: () => {} }) : undefined
  await stream?.status
  return { headers, stream }
}

const close = async (url: string, { headers, stream }: Opened) => {
  await exchange(url, { method: "DELETE", headers, heard: () => {} }).ended
  await stream?.ended
}

const round = async ({ gate: { url }, memory }: Measured, count: number, withStream: boolean) => {
  const all = await many(count, () => open(url, withStream))
  const during = await memory()
  await many(count, async (index) => {
    const one = all[index]
    if (one !== undefined) await close(url, one)
  })
  return during
}

export const sessions = (count: number, withStream: boolean): Promise<SessionFigures> =>
  measuring(async (measured) => {
    // What is loaded and compiled once is no part of a session.
    await round(measured, 32, withStream)
    const before = await measured.memory()
    const during = await round(measured, count, withStream)
    const once = await measured.memory()
    await round(measured, count, withStream)
    const twice = await measured.memory()
    const each = (of: keyof Memory) => kB((during[of] - before[of]) / count)
    return {
      sessions: count,
      streams: withStream ? count : 0,
      "heap each, kB": each("heap"),
      "resident each, kB": each("resident"),
      "heap kept, kB": kB(twice.heap - once.heap)
    }
  })
