/**
 * What a request of revision 2026-07-28 must have before anything is done with it:
 * the envelope in `_meta`, and over HTTP headers that say the same as the body
 * (basic/transports/streamable-http, "Standard Headers").
 */
import { LEGACY_VERSIONS, META, MODERN_VERSION, TASKS } from "../../backend/Era.ts"
import { isRecord } from "../../lib/Record.ts"
import { TASK_METHODS } from "../../router/Tasks.ts"
import { CODE, type Exchange } from "../Exchange.ts"
import type { Message } from "../Inbound.ts"

export interface Refusal {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

const refusal = (code: number, message: string, data?: unknown): Refusal => ({ status: 400, code, message, data })

/** The parameter that `Mcp-Name` repeats, by method. */
const NAMED: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId"
}

/** In the order that tells a client most: what is missing, what contradicts itself, what is not spoken here. */
export const check = (exchange: Exchange, message: Message): Refusal | undefined =>
  checkEnvelope(message) ?? (exchange.transport === "channel" ? undefined : checkHeaders(exchange, message)) ?? checkVersion(message) ??
    checkTasks(message)

const checkEnvelope = ({ meta }: Message): Refusal | undefined => {
  if (typeof meta[META.version] !== "string") return refusal(CODE.invalidParams, `Missing _meta["${META.version}"]`)
  return isRecord(meta[META.capabilities]) ? undefined : refusal(CODE.invalidParams, `Missing _meta["${META.capabilities}"]`)
}

const checkVersion = ({ meta }: Message): Refusal | undefined => {
  const requested = meta[META.version]
  if (requested === MODERN_VERSION) return undefined
  const supported = [MODERN_VERSION, ...LEGACY_VERSIONS]
  return refusal(CODE.unsupportedVersion, `Unsupported protocol version: ${String(requested).slice(0, 40)}`, { supported, requested })
}

/** Who asks about tasks has to know them (SEP-2663). */
const checkTasks = ({ meta, method, values }: Message): Refusal | undefined => {
  const isListen = method === "subscriptions/listen" && isRecord(values["notifications"]) && values["notifications"]["taskIds"] !== undefined
  if (!isListen && !TASK_METHODS.has(method)) return undefined
  const capabilities = meta[META.capabilities]
  const extensions = isRecord(capabilities) ? capabilities["extensions"] : undefined
  if (isRecord(extensions) && isRecord(extensions[TASKS])) return undefined
  return refusal(CODE.missingCapability, "This needs the tasks extension, which the request does not declare", {
    requiredCapabilities: { extensions: { [TASKS]: {} } }
  })
}

const checkHeaders = (exchange: Exchange, { meta, method, values }: Message): Refusal | undefined => {
  const compare = (header: string, expected: unknown) => {
    const given = exchange.header(header.toLowerCase())
    if (given === undefined) return refusal(CODE.headerMismatch, `Header ${header} is missing or there twice`)
    return decoded(given) === expected ? undefined : refusal(CODE.headerMismatch, `Header ${header} differs from the body`)
  }
  const named = NAMED[method]
  return compare("MCP-Protocol-Version", meta[META.version])
    ?? compare("Mcp-Method", method)
    ?? (named === undefined || values[named] === undefined ? undefined : compare("Mcp-Name", values[named]))
}

const sentinel = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/u
const decoder = new TextDecoder("utf-8", { fatal: true })

/** A header value with the Base64 sentinel taken off; `undefined` when what is inside is not well-formed. */
export const decoded = (value: string): string | undefined => {
  const inside = sentinel.exec(value)?.[1]
  if (inside === undefined) return value.startsWith("=?base64?") && value.endsWith("?=") ? undefined : value
  try {
    const bytes = Buffer.from(inside, "base64")
    return bytes.toString("base64") === inside ? decoder.decode(bytes) : undefined
  } catch {
    return undefined
  }
}
