/** Reads the answer of a token endpoint, and takes it only where it is what was asked for: more, or for somebody else, is as bad as none. */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import type { Egress } from "#plugin"
import { isFor, textIn } from "../../providers/oidc/Claims.ts"
import { jwsOf } from "../../providers/oidc/Jws.ts"
import { errorIn } from "../../providers/oidc/TokenEndpoint.ts"

export interface Granted {
  readonly token: Redacted.Redacted<string>
  /** In milliseconds since 1970. */
  readonly until: number
}

export interface Expected {
  readonly audience: string | undefined
  readonly scopes: ReadonlyArray<string> | undefined
  readonly subject?: string
  readonly isExchange: boolean
}

const Answer = Schema.Struct({
  access_token: Schema.NonEmptyString,
  token_type: Schema.String,
  issued_token_type: Schema.optionalKey(Schema.String),
  expires_in: Schema.optionalKey(Schema.Finite),
  scope: Schema.optionalKey(Schema.String)
})

/** How long, in seconds, a token without a time of its own is used. */
const UNSAID = 60

const TYPES = ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt"]

export const grantedIn = Effect.fnUntraced(function*({ body, status }: Egress.Answer, expected: Expected) {
  const decoded = Schema.decodeUnknownOption(Answer)(body)
  const mistake = (message: string) => Effect.fail({ message: `the issuer ${message}` })
  if (status !== 200 || Option.isNone(decoded)) return yield* mistake(`answered ${status} ${errorIn(body)}`.trimEnd())
  const { access_token, expires_in, issued_token_type, scope, token_type } = decoded.value
  if (token_type.toLowerCase() !== "bearer") return yield* mistake("gave a token that is no Bearer token")
  if (expected.isExchange && !TYPES.includes(issued_token_type ?? "")) return yield* mistake("gave a token of another type than was asked for")
  const beyond = (scope ?? "").split(" ").filter((one) => one !== "" && expected.scopes?.includes(one) === false)
  if (beyond.length > 0) return yield* mistake("gave more scopes than were asked for")
  const wrong = claimsMistake(access_token, expected)
  if (wrong !== undefined) return yield* mistake(wrong)
  const now = yield* Clock.currentTimeMillis
  return { token: Redacted.make(access_token), until: now + (expires_in ?? UNSAID) * 1000 }
})

/** A JWT says for whom and about whom it is; of an opaque token that is between the issuer and the backend. */
const claimsMistake = (token: string, { audience, subject }: Expected): string | undefined => {
  const jws = jwsOf(token)
  if (jws === "opaque") return undefined
  if (jws === "malformed") return "gave a token that is not well formed"
  if (audience !== undefined && !isFor(jws.claims["aud"], audience)) return "gave a token for another audience"
  if (subject !== undefined && textIn(jws.claims, "sub") !== subject) return "gave a token about another subject"
  return undefined
}
