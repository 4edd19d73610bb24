/** What an issuer answers at its token and userinfo endpoints. What it says about an error is for nobody: it may repeat what was sent. */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import { type Egress, Provider } from "#plugin"
import { refused } from "./Claims.ts"

const Seconds = Schema.Union([Schema.Finite, Schema.FiniteFromString])
const Granted = Schema.Struct({
  access_token: Schema.NonEmptyString,
  token_type: Schema.String.check(Schema.isPattern(/^bearer$/iu)),
  expires_in: Schema.optionalKey(Schema.NullOr(Seconds)),
  refresh_token: Schema.optionalKey(Schema.NonEmptyString),
  id_token: Schema.optionalKey(Schema.NonEmptyString),
  scope: Schema.optionalKey(Schema.String)
})
const Refusal = Schema.Struct({ error: Schema.String })
const Anything = Schema.Record(Schema.String, Schema.Unknown)

/** The word of an error (RFC 6749, 5.2), where it is one of a few letters. */
export const errorIn = (body: unknown): string => {
  const refusal = Schema.decodeUnknownOption(Refusal)(body)
  return Option.isSome(refusal) && /^[a-z_]{1,40}$/u.test(refusal.value.error) ? refusal.value.error : ""
}

export interface From {
  readonly issuer: string
  readonly scopeSeparator?: string
  /** Errors that mean that what was brought there is no longer good. */
  readonly ended?: ReadonlyArray<string>
}

/** The tokens that an issuer gave for a code or a refresh token, with the ID token where there is one. */
export const tokensIn = Effect.fnUntraced(function*({ ended = ["invalid_grant"], issuer, scopeSeparator = " " }: From, { body, status }: Egress.Answer) {
  const error = errorIn(body)
  if (ended.includes(error)) return yield* refused("inactive", "the issuer gives nothing for it any more")
  const granted = Schema.decodeUnknownOption(Granted)(body)
  if (status !== 200 || Option.isNone(granted)) {
    return yield* new Provider.ProviderUnavailable({ issuer, detail: `gave no token: it answered ${status} ${error}`.trimEnd() })
  }
  const { access_token, expires_in, id_token, refresh_token, scope } = granted.value
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const tokens: Provider.Tokens & Pick<Provider.SignedIn, "idToken"> = {
    idToken: id_token === undefined ? undefined : Redacted.make(id_token),
    accessToken: Redacted.make(access_token),
    refreshToken: refresh_token === undefined ? undefined : Redacted.make(refresh_token),
    expires: expires_in === undefined || expires_in === null ? undefined : now + expires_in,
    scopes: scope?.split(scopeSeparator).filter((each) => each !== "")
  }
  return tokens
})

export const userInfoIn = Effect.fnUntraced(function*(issuer: string, { body, status }: Egress.Answer) {
  if (status === 401 || status === 403) return yield* refused("inactive", "the issuer does not take it any more")
  const info = Schema.decodeUnknownOption(Anything)(body)
  if (status !== 200 || Option.isNone(info)) {
    return yield* new Provider.ProviderUnavailable({ issuer, detail: `did not say who a user is: it answered ${status}` })
  }
  return info.value
})

export const unreachable = (issuer: string) => (failed: Egress.EgressFailed) =>
  new Provider.ProviderUnavailable({ issuer, detail: `could not be asked: ${failed.message}` })
