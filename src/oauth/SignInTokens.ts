/** What the issuer gave the gateway when a user signed in: kept sealed for strategies that act for that user (ID-JAG), a month without a new sign-in at most. */
import { Clock, Duration, Effect, Redacted, Schema } from "effect"
import type { Principal } from "../plugin/Auth.ts"
import type { SignedIn } from "../plugin/Provider.ts"
import { Vault } from "../vault/Vault.ts"

const LONGEST = Duration.days(30)

const Kept = Schema.Struct({
  /** Who gave them, which is not always who the principal is named by. */
  issuer: Schema.String,
  idToken: Schema.optionalKey(Schema.String),
  refreshToken: Schema.optionalKey(Schema.String)
})

const encode = Schema.encodeSync(Schema.fromJsonString(Kept))
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Kept))

/** The row of the table `grants`. */
export const signInRow = ({ issuer, subject }: Pick<Principal, "issuer" | "subject">): string => `sign-in/${issuer}/${subject}`

export interface SignInTokens {
  readonly issuer: string
  readonly idToken: Redacted.Redacted<string> | undefined
  readonly refreshToken: Redacted.Redacted<string> | undefined
}

export const keep = Effect.fnUntraced(function*(principal: Principal, { idToken, identity, refreshToken }: SignedIn) {
  if (idToken === undefined && refreshToken === undefined) return
  const vault = yield* Vault
  const text = encode({
    issuer: identity.issuer,
    ...idToken !== undefined && { idToken: Redacted.value(idToken) },
    ...refreshToken !== undefined && { refreshToken: Redacted.value(refreshToken) }
  })
  const expires = (yield* Clock.currentTimeMillis) + Duration.toMillis(LONGEST)
  yield* vault.put("grants", signInRow(principal), Redacted.make(text), { expires })
})

/** Nothing for a user who never signed in with a browser, or not lately. */
export const tokensOf = Effect.fnUntraced(function*(principal: Pick<Principal, "issuer" | "subject">) {
  const vault = yield* Vault
  const row = yield* vault.get("grants", signInRow(principal))
  if (row === undefined) return undefined
  const { idToken, issuer, refreshToken } = yield* Effect.orDie(decode(Redacted.value(row.value)))
  const tokens: SignInTokens = {
    issuer,
    idToken: idToken === undefined ? undefined : Redacted.make(idToken),
    refreshToken: refreshToken === undefined ? undefined : Redacted.make(refreshToken)
  }
  return tokens
})
