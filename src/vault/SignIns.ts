/**
 * What the issuer gave the gateway when a user signed in with a browser: kept sealed for strategies that act for
 * that user, a month without a new sign-in at most. It leaves only as what its own issuer alone is shown.
 */
import { Clock, Duration, Effect, Layer, Option, Redacted, Schema } from "effect"
import { decodeJwt } from "jose"
import { ownerOf } from "../guard/Principals.ts"
import { sha256 } from "../lib/Sha256.ts"
import type { Principal } from "../plugin/Auth.ts"
import { KeepFailed, RefreshFailed } from "../plugin/Keep.ts"
import type { SignedIn } from "../plugin/Provider.ts"
import { type SignedInUser, SignIns } from "../plugin/SignIns.ts"
import { SubjectToken } from "../plugin/SubjectToken.ts"
import type { Opened } from "./Row.ts"
import { Vault } from "./Vault.ts"

const TABLE = "grants"
const LONGEST = Duration.days(30)

const Kept = Schema.Struct({
  /** Who gave them, which is not always who the principal is named by. */
  issuer: Schema.String,
  idToken: Schema.String,
  refreshToken: Schema.optionalKey(Schema.String)
})
const KeptText = Schema.fromJsonString(Kept)
const encode = Schema.encodeSync(KeptText)
const decode = Schema.decodeUnknownOption(KeptText)

const rowOf = (principal: Pick<Principal, "issuer" | "subject">): string => `sign-in/${ownerOf(principal)}`

const rowText = (kept: typeof Kept.Type) => Redacted.make(encode(kept))

const failed = ({ message }: { readonly message: string }) => new KeepFailed({ reason: message })

/** Keeps what a sign-in gave. */
export const keepSignIn = Effect.fnUntraced(function*(principal: Principal, { idToken, identity, refreshToken }: SignedIn) {
  if (idToken === undefined) return
  const vault = yield* Vault
  const value = rowText({
    issuer: identity.issuer,
    idToken: Redacted.value(idToken),
    ...refreshToken !== undefined && { refreshToken: Redacted.value(refreshToken) }
  })
  yield* vault.put(TABLE, rowOf(principal), value, { expires: (yield* Clock.currentTimeMillis) + Duration.toMillis(LONGEST) })
})

/** Forgets it; gives 1 where there was something. */
export const forgetSignIn = Effect.fnUntraced(function*(principal: Pick<Principal, "issuer" | "subject">) {
  return (yield* (yield* Vault).remove(TABLE, rowOf(principal))) ? 1 : 0
})

/** When a JWT that was checked before ends, in milliseconds since 1970. */
const endOf = (idToken: string): number => {
  try {
    return (decodeJwt(idToken).exp ?? 0) * 1000
  } catch {
    return 0
  }
}

const userFrom = Effect.fnUntraced(function*(row: Opened) {
  const kept = Option.getOrUndefined(decode(Redacted.value(row.value)))
  if (kept === undefined) return undefined
  const { idToken, issuer, refreshToken } = kept
  const tokenOf = (text: string) => Effect.map(sha256(text), (hash) => new SubjectToken({ issuer, hash, secret: Redacted.make(text) }))
  const user: SignedInUser = {
    idToken: yield* tokenOf(idToken),
    refreshToken: refreshToken === undefined ? undefined : yield* tokenOf(refreshToken),
    expires: endOf(idToken),
    version: row.version
  }
  return user
})

const gone = new RefreshFailed({ reason: "the user is not signed in any more", final: true })

export const signInsLayer = Layer.effect(SignIns, Effect.gen(function*() {
  const vault = yield* Vault

  const of: SignIns["Service"]["of"] = Effect.fnUntraced(function*(principal) {
    const row = yield* Effect.mapError(vault.get(TABLE, rowOf(principal)), failed)
    return row === undefined ? undefined : yield* userFrom(row)
  })

  const renewed: SignIns["Service"]["renewed"] = Effect.fnUntraced(function*(principal, refresh) {
    const key = rowOf(principal)
    const before = yield* Effect.mapError(vault.get(TABLE, key), failed)
    if (before === undefined) return yield* gone
    const fresh = Effect.fnUntraced(function*(row: Opened) {
      const kept = Option.getOrUndefined(decode(Redacted.value(row.value)))
      const user = yield* userFrom(row)
      if (kept === undefined || user === undefined) return yield* gone
      const { idToken, refreshToken } = yield* refresh(user)
      const next = refreshToken === undefined ? kept.refreshToken : Redacted.value(refreshToken)
      return {
        value: rowText({ issuer: kept.issuer, idToken: Redacted.value(idToken), ...(next === undefined ? {} : { refreshToken: next }) }),
        ...(row.expires === undefined ? {} : { expires: row.expires })
      }
    })
    const row = yield* vault.refreshing({ table: TABLE, key, seen: before.version, refresh: fresh }).pipe(
      Effect.mapError((failure) => failure instanceof RefreshFailed ? failure : failed(failure))
    )
    return (yield* userFrom(row)) ?? (yield* gone)
  })

  return SignIns.of({ of, renewed })
}))
