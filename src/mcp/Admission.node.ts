/**
 * What a request must be before anything of it is read: for one of our hosts, from
 * one of our origins, with few and plain headers (DNS rebinding, basic/transports).
 */
import type { IncomingMessage } from "node:http"
import { single } from "./HttpExchange.node.ts"

export interface Admission {
  /** Values of `Host` that are ours, in lower case. */
  readonly hosts: ReadonlySet<string>
  /** Values of `Origin` that are let in, in lower case. */
  readonly origins: ReadonlySet<string>
}

export interface Refused {
  readonly status: number
  readonly why: string
}

const FIELDS = 64
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?::\d{1,5})?$/u

/** Platforms ask an instance for its health by its address. That is no name, so no other site can have been made to lead to it. */
const isProbe = ({ method, url }: IncomingMessage, host: string): boolean =>
  method === "GET" && (url === "/health/live" || url === "/health/ready") && ADDRESS.test(host)

export const admissionFor = (
  { base, host, hosts, origins, port, scheme }: {
    readonly host: string
    readonly port: number
    readonly scheme: "http" | "https"
    readonly base: string | undefined
    readonly hosts: ReadonlyArray<string>
    readonly origins: ReadonlyArray<string>
  }
): Admission => {
  const own = new Set([host.includes(":") ? `[${host}]` : host, "127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`))
  if (port === (scheme === "http" ? 80 : 443)) for (const name of ["127.0.0.1", "localhost", "[::1]"]) own.add(name)
  const url = base === undefined ? undefined : new URL(base)
  if (url !== undefined) own.add(url.host)
  for (const allowed of hosts) own.add(allowed.toLowerCase())
  const from = new Set([...own].map((name) => `${scheme}://${name}`))
  if (url !== undefined) from.add(url.origin)
  for (const allowed of origins) from.add(allowed.toLowerCase())
  return { hosts: own, origins: from }
}

export const admit = (request: IncomingMessage, { hosts, origins }: Admission): Refused | undefined => {
  if (request.rawHeaders.length > FIELDS * 2) return { status: 431, why: `More than ${FIELDS} header fields` }
  const host = single(request, "host")?.toLowerCase()
  if (host === undefined) return { status: 400, why: "One Host header is needed" }
  if (!hosts.has(host) && !isProbe(request, host)) return { status: 403, why: "This host is not served here; hosting.allowed_hosts adds one" }
  if (request.url?.startsWith("/") !== true) return { status: 400, why: "The request target must be a path" }
  if (request.headers["origin"] === undefined) return undefined
  const origin = single(request, "origin")?.toLowerCase()
  return origin !== undefined && origins.has(origin)
    ? undefined
    : { status: 403, why: "This origin is not let in; hosting.allowed_origins adds one" }
}

const json = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/iu

/** Checks of every POST that carries messages, before its body. */
export const admitBody = (request: IncomingMessage): Refused | undefined => {
  if (!json.test(single(request, "content-type") ?? "")) return { status: 415, why: "The Content-Type must be application/json" }
  return request.headers["content-encoding"] === undefined ? undefined : { status: 415, why: "Encoded bodies are not read" }
}

/** Checks of a POST to the Streamable HTTP endpoint, which also answers it. */
export const admitPost = (request: IncomingMessage): Refused | undefined =>
  admitBody(request)
    ?? (accepts(request.headers.accept) ? undefined : { status: 406, why: "Accept must allow application/json and text/event-stream" })

const accepts = (accept: string | undefined): boolean => {
  if (accept === undefined) return true
  const types = accept.split(",").map((type) => type.split(";")[0]?.trim().toLowerCase())
  return types.includes("*/*") || (types.includes("application/json") && types.includes("text/event-stream"))
}
