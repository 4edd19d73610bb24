/** Takes `_meta` of a request apart: what is the envelope of an era, and what passes on in every era. */
import { META } from "../backend/Era.ts"
import { members, valueOf } from "../lib/Json.ts"
import type { Request } from "../router/Request.ts"
import type { Message } from "./Inbound.ts"

export interface Meta {
  /** Members that pass on, JSON text without braces. */
  readonly passed: string
  /** JSON text of a member, by key. */
  readonly raw: (key: string) => string | undefined
}

const EMPTY: Meta = { passed: "", raw: () => undefined }

const own = new Set<string>([META.version, META.capabilities, META.client, META.logLevel, "progressToken"])

export const metaOf = ({ params, text }: Message): Meta => {
  const place = params.find(({ key }) => key === "_meta")
  const found = place === undefined ? undefined : members(text, place.start)
  if (found === undefined) return EMPTY
  return {
    passed: found.filter(({ key }) => !own.has(key)).map(({ at, end }) => text.slice(at, end)).join(","),
    raw: (key) => valueOf(text, found, key)
  }
}

/** The request as the router takes it. */
export const requestOf = ({ method, params, text }: Message, meta: Meta): Request => ({
  method,
  text,
  params,
  meta: meta.passed,
  progressToken: meta.raw("progressToken")
})
