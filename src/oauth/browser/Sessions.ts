/**
 * Browsers that are signed in. A browser holds a random id, we keep its hash with whom it stands for,
 * so that nobody who reads the store can be anybody. It ends after eight hours, used or not.
 */
import { Clock, Effect, Redacted, Schema } from "effect"
import { sha256 } from "../../lib/Sha256.ts"
import type { Principal } from "../../plugin/Auth.ts"
import { Vault } from "../../vault/Vault.ts"
import { randomText } from "../Random.ts"

export const SESSION_SECONDS = 8 * 60 * 60

const Session = Schema.Struct({
  issuer: Schema.String,
  subject: Schema.String,
  claims: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  /** Who signed the user in; where somebody else does from now on, the session counts no more. */
  by: Schema.String,
  formToken: Schema.String
})
export type Session = typeof Session.Type

const encode = Schema.encodeSync(Schema.fromJsonString(Session))
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Session))

const PREFIX = "session/"

const rowOf = (id: string) => Effect.map(sha256(id), (hash) => `${PREFIX}${hash}`)

/** Gives the id for the cookie. */
export const begin = Effect.fnUntraced(function*({ claims, issuer, subject }: Principal, by: string) {
  const vault = yield* Vault
  const id = randomText()
  const session: Session = { issuer, subject, by, formToken: randomText(), ...(claims === undefined ? {} : { claims }) }
  const expires = (yield* Clock.currentTimeMillis) + SESSION_SECONDS * 1000
  yield* vault.put("grants", yield* rowOf(id), Redacted.make(encode(session)), { expires })
  return id
})

export const sessionOf = Effect.fnUntraced(function*(id: string) {
  const vault = yield* Vault
  const row = yield* vault.get("grants", yield* rowOf(id))
  return row === undefined ? undefined : yield* Effect.orDie(decode(Redacted.value(row.value)))
})

export const end = Effect.fnUntraced(function*(id: string) {
  const vault = yield* Vault
  yield* vault.remove("grants", yield* rowOf(id))
})

/** Ends all sessions of a user; gives how many there were. */
export const endAllOf = Effect.fnUntraced(function*({ issuer, subject }: Pick<Principal, "issuer" | "subject">) {
  const vault = yield* Vault
  const all = yield* vault.list("grants", PREFIX)
  const ended = yield* Effect.forEach(all, Effect.fnUntraced(function*({ key }) {
    const row = yield* vault.get("grants", key)
    const session = row === undefined ? undefined : yield* Effect.orDie(decode(Redacted.value(row.value)))
    if (session?.issuer !== issuer || session.subject !== subject) return false
    return yield* vault.remove("grants", key)
  }))
  return ended.filter(Boolean).length
})
