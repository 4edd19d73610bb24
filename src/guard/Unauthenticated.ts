/** Why a request is not let in, in the words of RFC 6750 and RFC 9728; nothing in it says more than the caller may know. */
import { Schema } from "effect"

export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  status: Schema.Literals([400, 401, 403, 429, 503]),
  /** RFC 6750, 3.1; absent where no credential was given at all. */
  error: Schema.optionalKey(Schema.Literals(["invalid_request", "invalid_token", "insufficient_scope"])),
  why: Schema.String,
  /** All scopes that the request needs, at once. */
  scopes: Schema.Array(Schema.String),
  /** Seconds to wait. */
  retryAfter: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    return this.why
  }
}

/**
 * The value of `WWW-Authenticate`.
 * @param metadata address of the protected resource metadata (RFC 9728, 5.1); absent where there is no sign-in
 */
export const challengeOf = ({ error, scopes, why }: Unauthenticated, metadata: string | undefined): string => {
  const parts = [
    ...(metadata === undefined ? [] : [`resource_metadata="${metadata}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
    ...(error === undefined ? [] : [`error="${error}"`, `error_description="${quotable(why)}"`])
  ]
  return parts.length === 0 ? "Bearer" : `Bearer ${parts.join(", ")}`
}

/** What may stand in a quoted string of RFC 6750, 3. */
const quotable = (text: string): string => text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/gu, "'")
