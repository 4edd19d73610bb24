/**
 * What users allowed: a grant, with the one refresh token that is good now and the access tokens given for it.
 * Whoever brings a refresh token that was used before ends the grant (RFC 9700, 4.14): it may be a thief's, or the thief has ours.
 */
import { Clock, Effect, Schema } from "effect"
import { ownerOf } from "../../guard/Principals.ts"
import { sha256 } from "../../lib/Sha256.ts"
import type { Principal } from "../../plugin/Auth.ts"
import { type Change, Store } from "../../store/Store.ts"
import { freshSecret, isMarked } from "../../vault/Marked.ts"
import { randomText } from "../Random.ts"
import { type Happened, recorded } from "../Recorded.ts"
import { type Found, keyOf, table } from "./Rows.ts"

const ACCESS_PREFIX = "mft_"
const REFRESH_PREFIX = "mfr_"
export const ACCESS_SECONDS = 10 * 60
/** Without a refresh for so long, the user is asked again. */
const IDLE_MILLIS = 30 * 24 * 60 * 60 * 1000

export const Allowed = Schema.Struct({
  clientId: Schema.String,
  known: Schema.Literals(["listed", "document", "registered"]),
  issuer: Schema.String,
  subject: Schema.String,
  claims: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  /** Who signed the user in. */
  by: Schema.optionalKey(Schema.String),
  resource: Schema.String,
  scopes: Schema.Array(Schema.String)
})
export type Allowed = typeof Allowed.Type

const Grant = Schema.Struct({ allowed: Allowed, refresh: Schema.String })
export type Grant = typeof Grant.Type
const Access = Schema.Struct({ grant: Schema.String, scopes: Schema.Array(Schema.String) })

const grants = table("oauth_grants", Grant)
const tokens = table("oauth_tokens", Access)

export interface Given {
  readonly accessToken: string
  readonly refreshToken: string
  readonly scopes: ReadonlyArray<string>
}

/** A refresh token names its grant, so that an old one is known for what it is. */
const freshRefresh = (grant: string) => Effect.map(freshSecret(""), (secret) => `${REFRESH_PREFIX}${grant}${secret}`)

/** Grants of one user; with more the oldest end. */
const MOST = 100
const ID = 43
/** How many of them say whose it is. */
const OWNER = 11

const ownerPart = (allowed: Allowed) => Effect.map(sha256(ownerOf(allowed)), (hash) => hash.slice(0, OWNER))
const grantIn = (token: string) => token.slice(REFRESH_PREFIX.length, REFRESH_PREFIX.length + ID)

const freshTokens = Effect.fnUntraced(function*(id: string, { allowed, scopes, over }: {
  readonly allowed: Allowed
  readonly scopes: ReadonlyArray<string>
  readonly over?: Found<Grant>
}) {
  const now = yield* Clock.currentTimeMillis
  const accessToken = yield* freshSecret(ACCESS_PREFIX)
  const refreshToken = yield* freshRefresh(id)
  const grant: Grant = { allowed, refresh: yield* keyOf(refreshToken) }
  const changes: ReadonlyArray<Change> = [
    yield* grants.writing(id, grant, { expires: now + IDLE_MILLIS, over }),
    yield* tokens.writing(yield* keyOf(accessToken), { grant: id, scopes }, { expires: now + ACCESS_SECONDS * 1000 })
  ]
  return { given: { accessToken, refreshToken, scopes } satisfies Given, changes }
})

/** The first tokens of a grant, as changes that belong with the end of the code they are given for. */
export const begun = Effect.fnUntraced(function*(allowed: Allowed) {
  const owner = yield* ownerPart(allowed)
  const grant = owner + randomText().slice(OWNER)
  const before = yield* grants.keys(owner)
  const { changes, given } = yield* freshTokens(grant, { allowed, scopes: allowed.scopes })
  return { grant, given, changes: [...changes, ...before.slice(0, Math.max(0, before.length - MOST + 1)).map(grants.removing)] }
})

/** What happens to tokens, in the audit record. */
export const tokensOf = ({ clientId: client, issuer, resource, subject }: Allowed, outcome: Happened["outcome"]) =>
  recorded({ event: "client_tokens", outcome, client, resource, issuer, subject })

export const end = (grant: string) =>
  Effect.flatMap(Store, (store) => Effect.catchTag(store.apply([grants.removing(grant)]), "RowChanged", Effect.die))

/** Ends all that a user allowed, for one resource or for all; gives how much it was. */
export const endFor = Effect.fnUntraced(function*(resource: string | undefined, { issuer, subject }: Pick<Principal, "issuer" | "subject">) {
  const all = yield* grants.all
  const own = all.filter(({ value: { allowed } }) => (resource === undefined || allowed.resource === resource) && allowed.issuer === issuer && allowed.subject === subject)
  yield* Effect.forEach(own, ({ key }) => end(key), { discard: true })
  return own.length
})

/** What a refresh token stands for, if it is the one that is good now. One that is not ends its grant. */
export const grantOf = Effect.fnUntraced(function*(refreshToken: string) {
  if (!refreshToken.startsWith(REFRESH_PREFIX) || !(yield* isMarked("", refreshToken.slice(REFRESH_PREFIX.length + ID)))) return undefined
  const found = yield* grants.find(grantIn(refreshToken))
  if (found === undefined) return undefined
  if (found.value.refresh === (yield* keyOf(refreshToken))) return found
  yield* end(found.key)
  yield* tokensOf(found.value.allowed, "used_twice")
  yield* Effect.logWarning("A refresh token came that was used before: its grant is over", { client: found.value.allowed.clientId, subject: found.value.allowed.subject })
  return undefined
})

/** Gives the next tokens; nothing where somebody was first, which ends the grant. */
export const refreshed = Effect.fnUntraced(function*(over: Found<Grant>, scopes: ReadonlyArray<string>) {
  const { changes, given } = yield* freshTokens(over.key, { allowed: over.value.allowed, scopes, over })
  const store = yield* Store
  const { allowed } = over.value
  return yield* Effect.as(Effect.andThen(store.apply(changes), tokensOf(allowed, "refreshed")), given).pipe(
    Effect.catchTag("RowChanged", () => Effect.as(Effect.andThen(end(over.key), tokensOf(allowed, "used_twice")), undefined))
  )
})

/** What an access token stands for, while its grant is there. */
export const accessOf = Effect.fnUntraced(function*(accessToken: string) {
  if (!(yield* isMarked(ACCESS_PREFIX, accessToken))) return undefined
  const access = yield* tokens.find(yield* keyOf(accessToken))
  const grant = access === undefined ? undefined : yield* grants.find(access.value.grant)
  if (access === undefined || grant === undefined) return undefined
  return { allowed: { ...grant.value.allowed, scopes: access.value.scopes }, grant: grant.key, expires: access.expires }
})

/** Takes a token back: an access token alone, with a refresh token all that came of the grant. Another client's stay. */
export const takenBack = Effect.fnUntraced(function*(token: string, clientId: string) {
  const access = yield* accessOf(token)
  if (access !== undefined && access.allowed.clientId === clientId) {
    yield* tokensOf(access.allowed, "taken_back")
    const removing = tokens.removing(yield* keyOf(token))
    return yield* Effect.catchTag((yield* Store).apply([removing]), "RowChanged", Effect.die)
  }
  const grant = yield* grantOf(token)
  if (grant?.value.allowed.clientId !== clientId) return
  yield* end(grant.key)
  yield* tokensOf(grant.value.allowed, "taken_back")
})
