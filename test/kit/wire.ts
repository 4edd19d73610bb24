/** What a client sends to a gateway, byte by byte: for tests of what no client library would send. */
import { request } from "node:http"
import { connect, type Socket } from "node:net"

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
  /** The JSON-RPC message; of an event stream the last one. */
  readonly message: {
    readonly id?: unknown
    readonly result?: Readonly<Record<string, unknown>>
    readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
  } | undefined
}

export type Headers = Readonly<Record<string, string | ReadonlyArray<string>>>

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" }

const messageIn = (text: string): Reply["message"] => {
  try {
    return JSON.parse(text.startsWith("event:") ? text.trimEnd().split("\ndata: ").at(-1) ?? "" : text)
  } catch {
    return undefined
  }
}

/** One POST; headers replace the usual ones, and an empty list leaves one out. */
export const post = (url: string, body: string | Buffer, headers: Headers = {}, signal?: AbortSignal): Promise<Reply> =>
  new Promise((done, failed) => {
    const all = Object.entries({ ...json, ...headers }).filter(([, value]) => value.length > 0)
    const sent = request(url, { method: "POST", headers: Object.fromEntries(all.map(([name, value]) => [name, typeof value === "string" ? value : [...value]])), ...(signal === undefined ? {} : { signal }) })
    sent.on("error", failed)
    sent.on("response", (response) => {
      const parts: Array<Buffer> = []
      response.on("error", failed)
      response.on("data", (part: Buffer) => parts.push(part))
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8")
        done({ status: response.statusCode ?? 0, headers: response.headers, text, message: messageIn(text) })
      })
    })
    sent.end(body)
  })

export interface Raw {
  readonly socket: Socket
  /** All that came back, once the other side has closed. */
  readonly closed: Promise<string>
  /** Waits until what came back so far matches. */
  readonly until: (pattern: RegExp) => Promise<string>
}

/** A connection of one's own to the gateway at `url`. */
export const raw = (url: string): Raw => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ""
  const waiting = new Set<() => void>()
  socket.on("error", () => {})
  socket.on("data", (part: Buffer) => {
    text += part.toString("latin1")
    for (const look of waiting) look()
  })
  const closed = new Promise<string>((done) => socket.once("close", () => done(text)))
  const until = (pattern: RegExp) =>
    new Promise<string>((done, failed) => {
      const look = () => {
        if (!pattern.test(text)) return
        waiting.delete(look)
        done(text)
      }
      waiting.add(look)
      socket.once("close", () => failed(new Error(`closed before ${pattern}: ${text}`)))
      look()
    })
  return { socket, closed, until }
}

/** Writes the bytes as they are, and gives all that comes back until the gateway closes the connection. */
export const exchange = async (url: string, bytes: string | Buffer): Promise<string> => {
  const { closed, socket } = raw(url)
  socket.write(bytes)
  return closed
}

/** A legacy session: how to call with it. */
export const session = async (url: string, version = "2025-11-25", more: Headers = {}) => {
  const opened = await post(url, JSON.stringify({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: { protocolVersion: version, capabilities: {}, clientInfo: { name: "wire", version: "1" } }
  }), more)
  const id = String(opened.headers["mcp-session-id"])
  const headers = { ...more, "mcp-session-id": id, "mcp-protocol-version": version }
  return {
    id,
    headers,
    send: (body: string | Buffer, also: Headers = {}, signal?: AbortSignal) => post(url, body, { ...headers, ...also }, signal),
    call: (name: string, args: object = {}, signal?: AbortSignal) => post(url, callText(name, JSON.stringify(args)), headers, signal)
  }
}

let last = 0

/** A legacy tools/call with these arguments, as they are written. */
export const callText = (name: string, args = "{}", id: string = String(++last)): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${args}}}`

const ENVELOPE = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`

/** A modern tools/call, with the headers that belong to it. */
export const modernCall = (name: string, args = "{}") => ({
  body: `{"jsonrpc":"2.0","id":${++last},"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${args},"_meta":{${ENVELOPE}}}}`,
  headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name }
})

/** The text of a tool's result. */
export const textOf = ({ message, text }: Reply): string => {
  const content = message?.result?.["content"]
  const first: unknown = Array.isArray(content) ? content[0] : undefined
  if (typeof first === "object" && first !== null && "text" in first) return String(first.text)
  throw new Error(`no text in ${text.slice(0, 500)}`)
}
