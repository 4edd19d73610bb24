/**
 * Reads one JSON-RPC message of a backend. Only the envelope is looked at: the
 * bytes of a result are never parsed, so they reach the caller as they were sent.
 */
import { members, membersOf, valueOf } from "../lib/Json.ts"
import { isRecord } from "../lib/Record.ts"
import { META } from "./Era.ts"

/** A JSON-RPC error object as the backend wrote it. */
export interface WireError {
  readonly code: number
  readonly message: string
  /** JSON text of the whole error object. */
  readonly raw: string
}

export type Incoming =
  | { readonly kind: "result"; readonly id: number; readonly result: Buffer }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError }
  | { readonly kind: "notification"; readonly method: string; readonly text: string }
  | { readonly kind: "request"; readonly method: string; readonly id: string; readonly text: string }
  | { readonly kind: "garbage" }

const garbage: Incoming = { kind: "garbage" }

// The three orders in which servers of this field write a response; anything else is scanned.
const idFirst = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),"result":/
const resultFirst = /^\{(?:"jsonrpc":"2\.0",)?"result":/
const idLast = /,(?:"jsonrpc":"2\.0",)?"id":(\d{1,15})\}$/

/** Longest head or tail that the patterns above can match. */
const HEAD = 64
const TAIL = 48

export const readMessage = (bytes: Buffer): Incoming => {
  const end = bytes.length
  if (end < 2 || bytes[end - 1] !== 0x7d) return garbage
  const head = bytes.toString("latin1", 0, Math.min(HEAD, end))
  const first = idFirst.exec(head)
  if (first !== null) {
    return { kind: "result", id: Number(first[1]), result: bytes.subarray(first[0].length, end - 1) }
  }
  const start = resultFirst.exec(head)
  const last = start === null ? null : idLast.exec(bytes.toString("latin1", Math.max(0, end - TAIL), end))
  if (start !== null && last !== null) {
    return { kind: "result", id: Number(last[1]), result: bytes.subarray(start[0].length, end - last[0].length) }
  }
  return readAnyOrder(bytes)
}

/** The slow way, for messages that are no response or that write their members in an order of their own. */
const readAnyOrder = (bytes: Buffer): Incoming => {
  const places = bytes.toString("latin1")
  const found = members(places)
  if (found === undefined) return garbage
  const method = jsonOf(valueOf(places, found, "method"))
  const id = valueOf(places, found, "id")
  if (typeof method === "string") {
    const text = bytes.toString("utf8")
    // Whoever reads it further on parses it, and must not fall over it.
    if (jsonOf(text) === undefined) return garbage
    return id === undefined || id === "null"
      ? { kind: "notification", method, text }
      : { kind: "request", method, id: bytesOf(bytes, found, "id"), text }
  }
  // An error without a usable id still answers something when its stream says what.
  const number = id === undefined || id === "null" ? Number.NaN : Number(id)
  const result = found.find((member) => member.key === "result")
  if (result !== undefined) return { kind: "result", id: number, result: bytes.subarray(result.start, result.end) }
  const error = bytesOf(bytes, found, "error")
  // Errors of HTTP and OAuth have a member of that name too.
  const isNone = error === "" || (id === undefined && !isRecord(jsonOf(error)))
  if (isNone) return garbage
  return { kind: "error", id: number, error: errorOf(error) }
}

const bytesOf = (bytes: Buffer, found: ReturnType<typeof members>, key: string): string => {
  const member = found?.find((member) => member.key === key)
  return member === undefined ? "" : bytes.toString("utf8", member.start, member.end)
}

const UNREADABLE = { code: -32603, message: "unreadable error" }

const errorOf = (raw: string): WireError => {
  const error = jsonOf(raw)
  if (!isRecord(error)) return { ...UNREADABLE, raw: JSON.stringify(UNREADABLE) }
  const { code, message } = error
  return {
    code: typeof code === "number" ? code : UNREADABLE.code,
    message: typeof message === "string" ? message : UNREADABLE.message,
    raw
  }
}

const jsonOf = (text: string | undefined): unknown => {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The id of the listen that a message is tagged with; on a shared stream nothing else tells (2026-07-28, basic/transports/stdio). */
export const subscriptionOf = (text: string): number => {
  const params = membersOf(text, members(text) ?? [], "params")
  return Number(valueOf(text, membersOf(text, params, "_meta"), META.subscription))
}

/** Notifications about the backend itself, whichever stream they came on. */
export const isOfBackend = (method: string): boolean =>
  method.endsWith("/list_changed") || method === "notifications/resources/updated" || isOfTask(method)

/** Both names are in use for the change of a task (SEP-2663 and its schema). */
export const isOfTask = (method: string): boolean => method === "notifications/tasks" || method === "notifications/tasks/status"
