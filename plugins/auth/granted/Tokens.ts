/** The tokens that a user granted, as a row of the vault keeps them, and as a token endpoint gives them (RFC 6749, 5.1). */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import type { Auth, Egress, Keep } from "#plugin"
import { errorIn } from "../../providers/oidc/TokenEndpoint.ts"

const Kept = Schema.Struct({
  access_token: Schema.NonEmptyString,
  refresh_token: Schema.optionalKey(Schema.NonEmptyString),
  /** Milliseconds since 1970. */
  expires: Schema.optionalKey(Schema.Finite),
  scopes: Schema.Array(Schema.String)
})
export type Tokens = typeof Kept.Type

const KeptText = Schema.fromJsonString(Kept)
const decode = Schema.decodeUnknownOption(KeptText)
const encode = Schema.encodeSync(KeptText)

/** Under which a row is kept: tokens of one issuer, for one resource, given to one client, of one user. */
export const keyOf = ({ client, issuer, principal, resource }: {
  readonly issuer: string
  readonly resource: string
  readonly client: { readonly id: string }
  readonly principal: Auth.Principal
}): Keep.Key => ["grant", issuer, resource, client.id, principal.issuer, principal.subject]

/** One that cannot be read is none. */
export const tokensOf = ({ value }: Keep.Kept): Tokens | undefined => Option.getOrUndefined(decode(Redacted.value(value)))

/** What cannot be refreshed is of no use after its end. */
export const rowFor = (tokens: Tokens): Keep.Fresh => ({
  value: Redacted.make(encode(tokens)),
  ...(tokens.refresh_token === undefined && tokens.expires !== undefined ? { expires: tokens.expires } : {})
})

const Granted = Schema.Struct({
  access_token: Schema.NonEmptyString,
  token_type: Schema.String.check(Schema.isPattern(/^bearer$/iu)),
  expires_in: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Finite, Schema.FiniteFromString]))),
  refresh_token: Schema.optionalKey(Schema.NonEmptyString),
  scope: Schema.optionalKey(Schema.String),
  id_token: Schema.optionalKey(Schema.NonEmptyString)
})

export interface GrantRefused {
  readonly message: string
  /** To ask again gives the same. */
  readonly final: boolean
}

/** @param before what was granted until now, where this refreshes it: what an answer leaves out stays as it was */
export const grantedIn = Effect.fnUntraced(function*(
  { body, status }: Egress.Answer,
  { before, scopes }: { readonly before?: Tokens; readonly scopes: ReadonlyArray<string> }
): Effect.fn.Return<{ readonly tokens: Tokens; readonly idToken: Redacted.Redacted<string> | undefined }, GrantRefused> {
  const granted = Schema.decodeUnknownOption(Granted)(body)
  if (status !== 200 || Option.isNone(granted)) {
    const error = errorIn(body)
    return yield* Effect.fail({ message: `the authorization server answered ${status} ${error}`.trimEnd(), final: error === "invalid_grant" })
  }
  const { access_token, expires_in, id_token, refresh_token = before?.refresh_token, scope } = granted.value
  const now = yield* Clock.currentTimeMillis
  const tokens: Tokens = {
    access_token,
    scopes: scope?.split(" ").filter((one) => one !== "") ?? before?.scopes ?? scopes,
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(expires_in === undefined || expires_in === null ? {} : { expires: now + expires_in * 1000 })
  }
  return { tokens, idToken: id_token === undefined ? undefined : Redacted.make(id_token) }
})
