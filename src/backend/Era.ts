/**
 * What the two protocol eras do differently when the gateway talks to a backend.
 * Legacy: the revisions with `initialize`. Modern: 2026-07-28, where every request
 * carries its envelope in `_meta` (basic/index, "_meta").
 */
export const MODERN_VERSION = "2026-07-28"

/** The revision that the gateway offers a legacy backend; the backend may answer with an older one. */
export const LEGACY_VERSION = "2025-11-25"

export const LEGACY_VERSIONS: ReadonlyArray<string> = [LEGACY_VERSION, "2025-06-18", "2025-03-26", "2024-11-05"]

export type Era = "modern" | "legacy"

/** The tasks extension, by the name in capabilities (SEP-2663). */
export const TASKS = "io.modelcontextprotocol/tasks"

/** Keys of `_meta` that belong to the modern envelope. */
export const META = {
  version: "io.modelcontextprotocol/protocolVersion",
  capabilities: "io.modelcontextprotocol/clientCapabilities",
  client: "io.modelcontextprotocol/clientInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
  subscription: "io.modelcontextprotocol/subscriptionId",
  server: "io.modelcontextprotocol/serverInfo"
} as const

/** What the caller declared about itself; JSON text, passed on to modern backends as it came. */
export interface Envelope {
  readonly capabilities: string
  readonly client?: string
  readonly logLevel?: string
}

/** One request on its way to a backend, before an era has put it into its own words. */
export interface Call {
  readonly method: string
  /** Members of `params` without `_meta`, as JSON text without braces. */
  readonly params: string
  /** Members of `_meta` that mean the same in every era, as JSON text without braces. */
  readonly meta: string
  /** The caller's progress token as JSON text. */
  readonly progressToken?: string
  readonly envelope: Envelope
  /** The gateway's own request, which no log message of the backend belongs to. */
  readonly isOwn?: true
  /** The value of `Mcp-Name` where the method has one. */
  readonly name?: string
  /** Headers of this call alone: the credential and `Mcp-Param-*`. */
  readonly headers: Readonly<Record<string, string>>
}

const joined = (...parts: ReadonlyArray<string>) => parts.filter((part) => part !== "").join(",")

/** The message as a legacy backend reads it. */
export const legacyText = (call: Call, id: number): string => {
  const token = call.progressToken === undefined ? "" : `"progressToken":${id}`
  const meta = joined(call.meta, token)
  const params = joined(call.params, meta === "" ? "" : `"_meta":{${meta}}`)
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(call.method)},"params":{${params}}}`
}

/** The message as a modern backend reads it. */
export const modernText = (call: Call, id: number): string => {
  const { capabilities, client, logLevel } = call.envelope
  const meta = joined(
    `"${META.version}":"${MODERN_VERSION}","${META.capabilities}":${capabilities}`,
    client === undefined ? "" : `"${META.client}":${client}`,
    logLevel === undefined ? "" : `"${META.logLevel}":${logLevel}`,
    call.progressToken === undefined ? "" : `"progressToken":${id}`,
    call.meta
  )
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(call.method)},"params":{${joined(call.params, `"_meta":{${meta}}`)}}}`
}

const sentinel = /^=\?base64\?.*\?=$/u
const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/u

/** A header value as 2026-07-28 writes it: unsafe text goes into the Base64 sentinel (basic/transports/streamable-http). */
export const headerValue = (text: string): string =>
  plain.test(text) && !sentinel.test(text) ? text : `=?base64?${Buffer.from(text, "utf8").toString("base64")}?=`

/** The routing headers of a modern request over HTTP. */
export const modernHeaders = (call: Call): Record<string, string> => {
  const headers: Record<string, string> = {
    ...call.headers,
    "mcp-protocol-version": MODERN_VERSION,
    "mcp-method": call.method
  }
  if (call.name !== undefined) headers["mcp-name"] = headerValue(call.name)
  return headers
}
