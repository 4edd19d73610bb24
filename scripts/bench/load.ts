/** Sixteen callers of one endpoint, in either era: `echo` of 1 KB over and over. */
import { Connection } from "./connection.ts"

export type Era = "legacy" | "modern"

export interface Target {
  readonly url: string
  /** What the tool is called there. */
  readonly tool: string
  readonly era: Era
  /** The credential, if it wants one. */
  readonly headers?: Readonly<Record<string, string>>
}

const revisions = { legacy: "2025-11-25", modern: "2026-07-28" }
const text = "The quick brown fox jumps over \"the\" lazy dog. ".repeat(22).slice(0, 1024)
const prefix = "io.modelcontextprotocol/"
const clientInfo = { name: "bench", version: "1.0.0" }

const headOf = (url: URL, headers: Readonly<Record<string, string>>) =>
  `POST ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\n` +
  `accept: application/json, text/event-stream\r\n` +
  Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")

const bodyOf = (method: string, params: object, id?: string) => JSON.stringify({ jsonrpc: "2.0", id, method, params })

const sessionOf = async (url: URL, own: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> => {
  const connection = await Connection.open(url)
  const params = { protocolVersion: revisions.legacy, capabilities: {}, clientInfo }
  const { head, status } = await connection.send(headOf(url, own), bodyOf("initialize", params, "init"))
  const id = /\r\nmcp-session-id: *(\S+)/iu.exec(head)?.[1]
  if (status !== 200) throw new Error(`initialize at ${url.href}: HTTP ${status}`)
  const headers = { "mcp-protocol-version": revisions.legacy, ...(id === undefined ? {} : { "mcp-session-id": id }) }
  await connection.send(headOf(url, { ...headers, ...own }), bodyOf("notifications/initialized", {}))
  connection.close()
  return headers
}

/** An opened load: `run` calls for so many milliseconds and gives the number of calls that were answered. */
export interface Load {
  readonly run: (milliseconds: number) => Promise<number>
  readonly close: () => void
}

export const openLoad = async ({ era, headers: own = {}, tool, url: address }: Target, callers = 16): Promise<Load> => {
  const url = new URL(address)
  const meta = { [`${prefix}protocolVersion`]: revisions.modern, [`${prefix}clientCapabilities`]: {}, [`${prefix}clientInfo`]: clientInfo }
  const headers = era === "legacy"
    ? await sessionOf(url, own)
    : { "mcp-protocol-version": revisions.modern, "mcp-method": "tools/call", "mcp-name": tool }
  const head = headOf(url, { ...headers, ...own })
  const params = { name: tool, arguments: { text }, ...(era === "modern" ? { _meta: meta } : {}) }
  let connections = await Promise.all(Array.from({ length: callers }, () => Connection.open(url)))
  await verify(connections[0], head, params)

  const callUntil = async (connection: Connection, caller: number, end: number) => {
    let calls = 0
    for (; performance.now() < end; calls++) {
      const { status } = await connection.send(head, bodyOf("tools/call", params, `${caller}-${calls}`))
      if (status !== 200) throw new Error(`HTTP ${status} from ${address}`)
    }
    return calls
  }
  return {
    run: async (milliseconds) => {
      connections = await Promise.all(connections.map((connection) => connection.isOpen ? connection : Connection.open(url)))
      const end = performance.now() + milliseconds
      const calls = await Promise.all(connections.map((connection, caller) => callUntil(connection, caller, end)))
      return calls.reduce((sum, each) => sum + each, 0)
    },
    close: () => connections.forEach((connection) => connection.close())
  }
}

/** The timed part looks at the status alone, so the answer is compared once before it. */
const verify = async (connection: Connection | undefined, head: string, params: object) => {
  const answer = await connection?.send(head, bodyOf("tools/call", params, "verify"))
  if (answer?.body.includes(JSON.stringify(text)) !== true || !answer.body.includes("\"verify\"")) {
    throw new Error(`a call was answered with ${answer?.status} ${answer?.body.slice(0, 500)}`)
  }
}
