/** A request of a client as the router sees it: already checked, its text kept as it was written. */
import type { Listener } from "../backend/Connection.ts"
import { ALONE, NO_HEADERS, type Party, type Sharing } from "../backend/Party.ts"
import type { Envelope, Era } from "../backend/Era.ts"
import { type Member, valueOf } from "../lib/Json.ts"
import { ownerOf } from "../guard/Principals.ts"
import type { Principal } from "../plugin/Auth.ts"

export interface Request {
  readonly method: string
  /** The whole message. */
  readonly text: string
  /** Members of `params`: offsets into `text`. */
  readonly params: ReadonlyArray<Member>
  /** Members of `_meta` that pass on in every era, JSON text without braces. */
  readonly meta: string
  /** The client's progress token as JSON text. */
  readonly progressToken: string | undefined
}

/** Who sent it and what that client can do for a backend. */
export interface Caller {
  readonly era: Era
  readonly principal: Principal
  readonly envelope: Envelope
  /** JSON text of the capabilities to declare to a legacy backend for this client; `{}` when it cannot be asked. */
  readonly capabilities: string
  readonly listener: Omit<Listener, "done">
  /** The one server that the request is for; all of them without it. */
  readonly server?: string | undefined
  /** The legacy session that the request belongs to; the modern revision has none. */
  readonly session?: string
  /** Asks the client outside of any call, where it has a way to be. */
  readonly standing?: Party["standing"]
}

/** What of a caller says with whom it shares. */
export type Sharer = Pick<Caller, "capabilities" | "principal" | "server" | "session" | "standing">

/** The caller as a server takes it: with whom it shares, and under which credential. */
export const partyOf = ({ capabilities, principal, session, standing }: Sharer, sharing: Sharing, headers = NO_HEADERS): Party => {
  // What everybody shares is nobody's to answer for.
  if (sharing === "shared") return { sharer: undefined, principal: "", capabilities, headers }
  const owner = ownerOf(principal)
  return { sharer: sharing === "per_principal" ? owner : session ?? ALONE, principal: owner, capabilities, headers, standing }
}

/** The text of a parameter, or `undefined`. */
export const param = ({ params, text }: Request, key: string): string | undefined => valueOf(text, params, key)

/** A parameter that is a string. */
export const stringParam = (request: Request, key: string): string | undefined => {
  const value = param(request, key)
  return value !== undefined && value.startsWith("\"") ? JSON.parse(value) : undefined
}

/** What the other era has in `params` and a legacy server has no meaning for; core tasks are the gateway's own matter. */
const NOT_LEGACY: ReadonlySet<string> = new Set(["_meta", "inputResponses", "requestState", "task"])
const NOT_MODERN: ReadonlySet<string> = new Set(["_meta"])

/** The members of `params` for a server of this era, with one value replaced; JSON text without braces. */
export const paramsWith = ({ params, text }: Request, key: string, value: string) => (era: Era): string => {
  const leftOut = era === "legacy" ? NOT_LEGACY : NOT_MODERN
  let result = ""
  for (const member of params) {
    if (leftOut.has(member.key)) continue
    const own = member.key === key ? value : text.slice(member.start, member.end)
    result += `${result === "" ? "" : ","}${JSON.stringify(member.key)}:${own}`
  }
  return result
}
