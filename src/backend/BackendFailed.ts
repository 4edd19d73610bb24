import { Schema } from "effect"
import { parameterIn, scopesOf } from "../lib/Challenge.ts"
import type { Failure } from "./transport/Transport.ts"

/** A backend that could not be reached, or a request to it that got no answer. */
export class BackendFailed extends Schema.TaggedError<BackendFailed>()("BackendFailed", {
  backend: Schema.String,
  reason: Schema.Literals(["not_ready", "unreachable", "timed_out", "closed", "busy", "unauthorized", "protocol"]),
  detail: Schema.String,
  /** HTTP status, where one says why. */
  status: Schema.optionalKey(Schema.Int),
  /** The scopes that the backend names when it refuses a credential (RFC 6750, 3.1). */
  scopes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The backend did not take the request: sending it again cannot run it twice. */
  isUnsent: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message() {
    return `Server "${this.backend}" ${this.detail}`
  }
}

/** The failure of a transport as the failure of a backend. */
export const backendFailed = (backend: string, { challenge, detail, isUnsent, kind, status }: Failure): BackendFailed =>
  new BackendFailed({
    backend,
    detail,
    reason: status === 401 || status === 403 ? "unauthorized" : reasons[kind],
    ...(status === undefined ? {} : { status }),
    ...(challenge === undefined ? {} : { scopes: scopesIn(challenge) }),
    ...(isUnsent === true ? { isUnsent } : {})
  })

/** Longest list of scopes that is read, in characters. */
const LONGEST = 2000

const scopesIn = (challenge: string): ReadonlyArray<string> => scopesOf(parameterIn(challenge.slice(0, LONGEST), "scope") ?? "")

const reasons = {
  unreachable: "unreachable",
  status: "unreachable",
  stream_ended: "closed",
  too_large: "protocol",
  busy: "busy",
  closed: "closed"
} as const
