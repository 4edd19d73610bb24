import { Schema } from "effect"
import type { Failure } from "./transport/Transport.ts"

/** A backend that could not be reached, or a request to it that got no answer. */
export class BackendFailed extends Schema.TaggedError<BackendFailed>()("BackendFailed", {
  backend: Schema.String,
  reason: Schema.Literals(["not_ready", "unreachable", "timed_out", "closed", "busy", "unauthorized", "protocol"]),
  detail: Schema.String,
  /** HTTP status, where one says why. */
  status: Schema.optionalKey(Schema.Int),
  /** The backend did not take the request: sending it again cannot run it twice. */
  isUnsent: Schema.optionalKey(Schema.Literal(true))
}) {
  override get message() {
    return `Server "${this.backend}" ${this.detail}`
  }
}

/** The failure of a transport as the failure of a backend. */
export const backendFailed = (backend: string, { detail, isUnsent, kind, status }: Failure): BackendFailed =>
  new BackendFailed({
    backend,
    detail,
    reason: status === 401 || status === 403 ? "unauthorized" : reasons[kind],
    ...(status === undefined ? {} : { status }),
    ...(isUnsent === true ? { isUnsent } : {})
  })

const reasons = {
  unreachable: "unreachable",
  status: "unreachable",
  stream_ended: "closed",
  too_large: "protocol",
  busy: "busy",
  closed: "closed"
} as const
