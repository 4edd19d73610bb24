/**
 * Reads what a client sent: bytes to one checked JSON-RPC message. Limits come
 * before parsing, and the keys we decide by must be there once and in exact case,
 * since a backend might read a duplicate or `Name` in another way than we do.
 */
import { META } from "../backend/Era.ts"
import { folded } from "../lib/Folded.ts"
import { beyond, elements, type Member, members } from "../lib/Json.ts"
import { isRecord } from "../lib/Record.ts"

export interface Message {
  readonly text: string
  /** JSON text of the id; unset for notifications. */
  readonly id: string | undefined
  readonly method: string
  /** Members of `params` as offsets into `text`; empty when there are none. */
  readonly params: ReadonlyArray<Member>
  /** `params` as parsed. */
  readonly values: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
}

export type Inbound =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "response"; readonly id: string; readonly member: string }
  | { readonly kind: "batch"; readonly items: ReadonlyArray<Inbound> }
  | { readonly kind: "invalid"; readonly code: number; readonly reason: string; readonly id: string }

const LIMITS = { depth: 64, elements: 50_000 }
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600

const invalid = (code: number, reason: string, id = "null"): Inbound => ({ kind: "invalid", code, reason, id })

export const readInbound = (bytes: Uint8Array): Inbound => {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return invalid(PARSE_ERROR, "The message is not valid UTF-8")
  }
  const limit = beyond(text, LIMITS)
  if (limit !== undefined) return invalid(INVALID_REQUEST, `The message goes beyond the limit on ${limit} (${LIMITS[limit]})`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return invalid(PARSE_ERROR, "The message is not valid JSON")
  }
  text = oneLine(text)
  if (!Array.isArray(parsed)) return readMessage(text, parsed)
  if (parsed.length === 0 || parsed.length > 100) return invalid(INVALID_REQUEST, "A batch holds 1 to 100 messages")
  const places = elements(text) ?? []
  return { kind: "batch", items: places.map(({ end, start }, index) => readMessage(text.slice(start, end), parsed[index])) }
}

const LINE_BREAKS = /[\r\n]/gu

/**
 * Line breaks stand only between tokens of JSON, where a space says the same; where
 * messages are lines, one inside a message would let a client write another message.
 */
const oneLine = (text: string): string =>
  text.includes("\n") || text.includes("\r") ? text.replace(LINE_BREAKS, " ") : text

const readMessage = (text: string, parsed: unknown): Inbound => {
  const found = members(text)
  if (!isRecord(parsed) || found === undefined) return invalid(INVALID_REQUEST, "A message is a JSON object")
  const id = idOf(text, found, parsed["id"])
  if (id === null) return invalid(INVALID_REQUEST, "The id must be a string or an integer")
  const doubt = doubtIn(found, ENVELOPE) ?? (parsed["jsonrpc"] === "2.0" ? undefined : "\"jsonrpc\" must be \"2.0\"")
  if (doubt !== undefined) return invalid(INVALID_REQUEST, doubt, id)
  const { method } = parsed
  if (method === undefined) return readResponse(text, found, id)
  if (typeof method !== "string") return invalid(INVALID_REQUEST, "The method must be a string", id)

  const params = parsed["params"]
  if (params === undefined) return { kind: "message", message: { text, id, method, params: [], values: {}, meta: {} } }
  const place = found.find(({ key }) => key === "params")
  const parts = place === undefined ? undefined : members(text, place.start)
  if (!isRecord(params) || parts === undefined) return invalid(INVALID_REQUEST, "The params must be an object", id)
  const unsure = doubtIn(parts, PARAMS)
  if (unsure !== undefined) return invalid(INVALID_REQUEST, unsure, id)
  const meta = params["_meta"]
  if (meta !== undefined && !isRecord(meta)) return invalid(INVALID_REQUEST, "The _meta must be an object", id)
  const metaPlace = parts.find(({ key }) => key === "_meta")
  const unclear = metaPlace === undefined ? undefined : doubtIn(members(text, metaPlace.start) ?? [], META_KEYS)
  if (unclear !== undefined) return invalid(INVALID_REQUEST, unclear, id)
  return { kind: "message", message: { text, id, method, params: parts, values: params, meta: meta ?? {} } }
}

const readResponse = (text: string, found: ReadonlyArray<Member>, id: string | undefined): Inbound => {
  const member = found.find(({ key }) => key === "result" || key === "error")
  return member === undefined || id === undefined
    ? invalid(INVALID_REQUEST, "A message has a method, or an id with a result or an error", id)
    : { kind: "response", id, member: `"${member.key}":${text.slice(member.start, member.end)}` }
}

/** JSON text of the id, `undefined` when there is none, `null` when it is none that JSON-RPC and MCP allow. */
const idOf = (text: string, found: ReadonlyArray<Member>, id: unknown): string | undefined | null => {
  if (id === undefined) return undefined
  if (typeof id === "string" ? id.length > 512 : !Number.isSafeInteger(id)) return null
  const member = found.find(({ key }) => key === "id")
  const raw = member === undefined ? "" : text.slice(member.start, member.end)
  return typeof id === "string" || raw === String(id) ? JSON.stringify(id) : null
}

/** The keys we decide by, by what a reader that ignores case takes for them. */
const exactly = (...keys: ReadonlyArray<string>): ReadonlyMap<string, string> => new Map(keys.map((key) => [folded(key), key]))

const ENVELOPE = exactly("jsonrpc", "id", "method", "params", "result", "error")
const PARAMS = exactly("name", "uri", "arguments", "_meta", "cursor", "ref", "requestState", "inputResponses", "notifications", "taskId")
const META_KEYS = exactly(...Object.values(META), "progressToken")

/** Most members of a message, of its params and of its _meta. */
const MEMBERS = 64

/** A key that is there twice, or in another case than one we decide by. */
const doubtIn = (found: ReadonlyArray<Member>, known: ReadonlyMap<string, string>): string | undefined => {
  if (found.length > MEMBERS) return "There are too many members"
  for (const { key } of found) {
    if (isRepeated(found, key)) return `The key ${JSON.stringify(key)} is there twice`
    // Written exactly, as it nearly always is, a key needs no folding.
    const meant = known.get(key) === key ? key : known.get(folded(key))
    if (meant !== undefined && meant !== key) return `The key ${JSON.stringify(key)} must be written "${meant}"`
  }
  return undefined
}

const isRepeated = (found: ReadonlyArray<Member>, key: string): boolean => {
  let count = 0
  for (const member of found) if (member.key === key) count++
  return count > 1
}
