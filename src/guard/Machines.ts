/** Machines that call with a client certificate (mutual TLS), as principals. */
import type { Principal } from "../plugin/Auth.ts"
import type { Certified } from "./Credentials.ts"
import { ownerOf } from "./Principals.ts"

/** Principals of API keys are of this issuer. */
export const KEYS = "manifold:keys"

const PREFIX = "manifold:certificates:"

/** Machines call as such principals, where nobody is there to consent: with an API key or a client certificate. */
export const isMachine = ({ issuer }: Pick<Principal, "issuer">): boolean => issuer === KEYS || issuer.startsWith(PREFIX)

/** How many are remembered. */
const KNOWN = 10_000

/** Gives the same object for the same certificate, so that what is kept of a principal is found again. */
export const machines = (): (certified: Certified) => Principal => {
  const known = new Map<string, Principal>()
  return ({ authority, subject }) => {
    const principal = { issuer: `${PREFIX}${authority}`, subject, scopes: [] }
    const name = ownerOf(principal)
    const before = known.get(name)
    if (before !== undefined) return before
    if (known.size >= KNOWN) known.clear()
    known.set(name, principal)
    return principal
  }
}
