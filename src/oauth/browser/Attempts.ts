/**
 * Sign-ins on their way: what has to fit when the browser comes back from the issuer. Each is for the
 * browser that began it, for one return and for ten minutes; what is a secret of it is sealed.
 */
import { Clock, Effect, Redacted, Schema } from "effect"
import { sha256 } from "../../lib/Sha256.ts"
import { Vault } from "../../vault/Vault.ts"
import { randomText } from "../Random.ts"

export const ATTEMPT_SECONDS = 10 * 60

const Attempt = Schema.Struct({
  /** Whose answer counts. */
  issuer: Schema.String,
  codeVerifier: Schema.String,
  nonce: Schema.String,
  returnTo: Schema.String,
  /** Hash of what the browser holds in a cookie. */
  browser: Schema.String,
  /** What else has to be known then. */
  about: Schema.optionalKey(Schema.String)
})
export type Attempt = typeof Attempt.Type

const encode = Schema.encodeSync(Schema.fromJsonString(Attempt))
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Attempt))

const rowOf = (state: string) => Effect.map(sha256(state), (hash) => `attempt/${hash}`)

/** What the cookie of an attempt is for; it says nothing of the state. */
export const cookieFor = (state: string) => Effect.map(sha256(`cookie ${state}`), (hash) => `sign-in-${hash.slice(0, 12)}`)

export interface Began {
  readonly attempt: Attempt
  readonly state: string
  /** For the cookie. */
  readonly browser: string
}

export const begin = Effect.fnUntraced(function*(issuer: string, returnTo: string, about?: string) {
  const vault = yield* Vault
  const [state, browser] = [randomText(), randomText()]
  const attempt: Attempt = { issuer, codeVerifier: randomText(), nonce: randomText(), returnTo, browser: yield* sha256(browser), ...(about === undefined ? {} : { about }) }
  const expires = (yield* Clock.currentTimeMillis) + ATTEMPT_SECONDS * 1000
  yield* vault.put("grants", yield* rowOf(state), Redacted.make(encode(attempt)), { expires })
  return { attempt, state, browser } satisfies Began
})

/** Only for the browser that began it; another one ends nothing by trying. */
export const attemptOf = Effect.fnUntraced(function*(state: string, browser: string | undefined) {
  const vault = yield* Vault
  const row = yield* vault.get("grants", yield* rowOf(state))
  if (row === undefined || browser === undefined) return undefined
  const attempt = yield* Effect.orDie(decode(Redacted.value(row.value)))
  return attempt.browser === (yield* sha256(browser)) ? attempt : undefined
})

/** Says whether it was still there: the second one to return with it is late. */
export const taken = Effect.fnUntraced(function*(state: string) {
  const vault = yield* Vault
  return (yield* vault.take("grants", yield* rowOf(state))) !== undefined
})
