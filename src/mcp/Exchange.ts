/** One message of a client and the way back to it, whichever transport carried it. */

import type { Principal } from "../plugin/Auth.ts"
import type { EventLog } from "./EventLog.ts"

/** Text or bytes, written one after the other. */
export type Chunk = string | Buffer

export interface Exchange {
  /** Who sent it. */
  readonly principal: Principal
  /** The one server that the endpoint is for; all of them without it. */
  readonly server: string | undefined
  /** A channel carries the messages of many requests, and no headers. */
  readonly transport: "http" | "channel"
  /** The value of a header (name in lower case) that is there exactly once. */
  readonly header: (name: string) => string | undefined
  /** Sends a message on this request's own stream, before the answer. A reader that does not read loses it. */
  readonly send: (text: string) => void
  /** Opens the stream without a message yet, for answers that take long by nature. */
  readonly stream: () => void
  /** Whether the client names the stream before the single body in what it accepts. */
  readonly prefersStream: boolean
  /** From now on the stream's events have ids, and a client that loses it can come back for them. */
  readonly keep: (open: () => EventLog) => void
  /** Lets a client go that can come back; the others stay. */
  readonly pause: () => void
  /** Answers and ends. */
  readonly respond: (status: number, body: ReadonlyArray<Chunk>, headers?: Readonly<Record<string, string>>) => void
  /** Ends without a JSON-RPC answer. */
  readonly end: (status: number, headers?: Readonly<Record<string, string>>) => void
  /** Called when the client is gone before the answer. */
  readonly onGone: (listener: () => void) => void
}

/** Answers a request, under whichever id the client then waits for. */
export type Answer = (status: number, body: (id: string) => ReadonlyArray<Chunk>) => void

/** In bytes. */
export const sizeOf = (body: ReadonlyArray<Chunk>): number => {
  let size = 0
  for (const chunk of body) size += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length
  return size
}

export const joined = (body: ReadonlyArray<Chunk>): Buffer =>
  Buffer.concat(body.map((chunk) => typeof chunk === "string" ? Buffer.from(chunk) : chunk))

/** JSON-RPC and MCP error codes (2026-07-28, basic/index; legacy ones where marked). */
export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  /** Legacy revisions only. */
  resourceNotFound: -32002
} as const

/** The id comes last, so that members which a backend wrote behind its result cannot answer another request. */
export const resultOf = (id: string, ...result: ReadonlyArray<Chunk>): ReadonlyArray<Chunk> => [
  `{"jsonrpc":"2.0","result":`,
  ...result,
  `,"id":${id}}`
]

export const errorOf = (id: string, code: number, message: string, data?: unknown): ReadonlyArray<Chunk> => [
  `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(data === undefined ? { code, message } : { code, message, data })}}`
]
