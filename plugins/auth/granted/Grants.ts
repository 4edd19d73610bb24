/**
 * What users granted to the gateway at the authorization server of a backend: tokens of their own, which
 * lie in the vault and go to that backend alone. They are refreshed ahead of their end, once for all who ask.
 */
import { Clock, Effect, Redacted } from "effect"
import { Auth, Egress, Keep } from "#plugin"
import { discovered } from "../../providers/oidc/Discovery.ts"
import { kept, TIMES } from "../../providers/oidc/Kept.ts"
import { authorityFor } from "./Authority.ts"
import { type Client, clientsFor, introduced, type Mistake } from "./Client.ts"
import { consentWith } from "./Consent.ts"
import type { GrantSettings } from "./Settings.ts"
import { grantedIn, keyOf, rowFor, type Tokens, tokensOf } from "./Tokens.ts"

/** How long, in milliseconds, before its end a token is replaced. */
const AHEAD = 30_000

/** How long, in milliseconds, a row is believed without looking: a grant that is given up elsewhere ends within it. */
const BELIEVED = 5000

/** Most users whose tokens are at hand without the vault. */
const MOST = 10_000

interface Held {
  readonly credential: Auth.Credential
  /** Of the row that it comes from. */
  readonly version: number
  readonly until: number
}

export const grants = Effect.fnUntraced(function*(settings: GrantSettings, when: Auth.Consent["when"]) {
  const egress = yield* Egress.Egress
  const keep = yield* Keep.Keep
  const server = yield* Auth.Server
  const authority = yield* authorityFor(settings)
  const clients = yield* clientsFor(settings)
  const metadata = kept(Effect.provideService(Effect.flatMap(authority.place, ({ issuer }) => discovered(issuer)), Egress.Egress, egress), TIMES).current
  const held = new Map<string, Held>()

  const ownerOf = (principal: Auth.Principal) => JSON.stringify([principal.issuer, principal.subject])

  const refused = ({ message }: Mistake) => new Auth.CredentialRefused({ server: server.id, reason: message })

  /** What users are asked for before anything says that they need more. */
  const usual = Effect.gen(function*() {
    const scopes = yield* authority.scopes
    const isLasting = settings.scopes === undefined && scopes.length > 0 && (yield* metadata).scopes?.includes(OFFLINE) === true
    return isLasting && !scopes.includes(OFFLINE) ? [...scopes, OFFLINE] : scopes
  })

  const consentNeeded = Effect.fnUntraced(function*(named: ReadonlyArray<string>, isRefused = false) {
    yield* authority.stays(isRefused)
    const known = yield* metadata
    const { authorizationEndpoint = "", tokenEndpoint } = known
    const { id } = yield* clients.made(known)
    const wanted = named.length === 0 ? yield* usual : named
    return yield* new Auth.ConsentNeeded({
      server: server.id,
      authorizationEndpoint,
      tokenEndpoint,
      clientId: id,
      scopes: wanted,
      returnAddress: server.returnAddress()
    })
  })

  const place = Effect.fnUntraced(function*(principal: Auth.Principal) {
    const at = yield* authority.place
    const client = yield* clients.known(at.issuer)
    return client === undefined ? undefined : { client, key: keyOf({ ...at, client, principal }) }
  })

  /** A grant that the authorization server does not know any more is none. */
  const refreshed = Effect.fnUntraced(function*(key: Keep.Key, row: Keep.Kept, client: Client) {
    const unavailable = ({ message }: Mistake) => new Keep.RefreshFailed({ reason: message, final: false })
    const known = yield* Effect.mapError(metadata, unavailable)
    const { issuer, resource } = yield* Effect.mapError(authority.place, unavailable)
    const refresh = Effect.fnUntraced(function*(before: Keep.Kept) {
      const tokens = tokensOf(before)
      if (tokens?.refresh_token === undefined) return yield* Effect.fail({ message: "there is no refresh token", final: true })
      const { as, form } = introduced(client, known)
      const answer = yield* egress.ask(issuer, {
        url: known.tokenEndpoint,
        form: { ...form, grant_type: "refresh_token", refresh_token: Redacted.make(tokens.refresh_token), ...(resource === "" ? {} : { resource }) },
        ...(as === undefined ? {} : { as })
      }).pipe(Effect.mapError(({ message }) => ({ message, final: false })))
      return rowFor((yield* grantedIn(answer, { before: tokens, scopes: tokens.scopes })).tokens)
    }, Effect.mapError(({ final, message }) => new Keep.RefreshFailed({ reason: message, final })))
    return yield* keep.refreshed(key, row.version, refresh)
  })

  const current = Effect.fnUntraced(function*(principal: Auth.Principal) {
    const found = yield* place(principal)
    const row = found === undefined ? undefined : yield* keep.get(found.key)
    const tokens = row === undefined ? undefined : tokensOf(row)
    if (found === undefined || row === undefined || tokens === undefined) return yield* consentNeeded([])
    const now = yield* Clock.currentTimeMillis
    const left = (tokens.expires ?? Number.POSITIVE_INFINITY) - now
    if (left > AHEAD) return remember(principal, row, tokens, now)
    if (tokens.refresh_token === undefined) return left > 0 ? remember(principal, row, tokens, now) : yield* consentNeeded(tokens.scopes)
    return yield* refreshed(found.key, row, found.client).pipe(
      Effect.map((fresh) => remember(principal, fresh, tokensOf(fresh) ?? tokens, now)),
      Effect.catchTag("RefreshFailed", (failure) => {
        if (!failure.final) return left > 0 ? Effect.succeed(remember(principal, row, tokens, now)) : Effect.fail(failure)
        return Effect.andThen(keep.remove(found.key), consentNeeded(tokens.scopes))
      })
    )
  })

  /** A row that was read before another was written is good for the call that read it, and is not remembered over the later one. */
  const remember = (principal: Auth.Principal, { version }: Keep.Kept, tokens: Tokens, now: number): Auth.Credential => {
    const { expires = Number.POSITIVE_INFINITY } = tokens
    const credential = credentialOf(tokens)
    const owner = ownerOf(principal)
    if ((held.get(owner)?.version ?? 0) > version) return credential
    for (const oldest of held.keys()) {
      if (held.size < MOST) break
      held.delete(oldest)
    }
    held.set(owner, { credential, version, until: Math.min(now + BELIEVED, expires) })
    return credential
  }

  const credential = Effect.fnUntraced(function*(principal: Auth.Principal) {
    const known = held.get(ownerOf(principal))
    if (known !== undefined && known.until > (yield* Clock.currentTimeMillis)) return known.credential
    return yield* current(principal)
  }, Effect.catchIf(isMistake, (mistake) => refused(mistake)))

  /** What the backend did not take: a token that was revoked is refreshed, and for one that may too little its user is asked for more. */
  const rejected = Effect.fnUntraced(function*(principal: Auth.Principal, { scopes: wanted, sent, status }: Auth.Rejection) {
    const believed = held.get(ownerOf(principal))?.credential
    if (believed === undefined || !isAnother(sent, believed)) held.delete(ownerOf(principal))
    const found = yield* place(principal)
    const row = found === undefined ? undefined : yield* keep.get(found.key)
    const tokens = row === undefined ? undefined : tokensOf(row)
    if (found === undefined || row === undefined || tokens === undefined) return yield* consentNeeded([], true)
    if (isAnother(sent, credentialOf(tokens))) return
    if (status === 403) {
      const more = wanted.filter((scope) => !tokens.scopes.includes(scope))
      if (more.length === 0 || more.length > MOST_MORE) return yield* Effect.fail({ message: "the server refuses what its user has consented to" })
      return yield* consentNeeded([...tokens.scopes, ...more])
    }
    if (tokens.refresh_token === undefined) return yield* Effect.andThen(keep.remove(found.key), consentNeeded(tokens.scopes, true))
    // Calls that began meanwhile have remembered what was refused.
    const now = yield* Clock.currentTimeMillis
    return yield* refreshed(found.key, row, found.client).pipe(
      Effect.map((fresh) => void remember(principal, fresh, tokensOf(fresh) ?? tokens, now)),
      Effect.catchTag("RefreshFailed", (failure) =>
        failure.final ? Effect.andThen(keep.remove(found.key), consentNeeded(tokens.scopes, true)) : Effect.fail(failure))
    )
  }, Effect.catchIf(isMistake, (mistake) => refused(mistake)))

  const consent = yield* consentWith({
    when, scopes: settings.scopes ?? [], place: authority.place, usual, clients, metadata,
    changed: (principal) => principal === undefined ? held.clear() : void held.delete(ownerOf(principal))
  })
  return { credential, rejected, consent }
})

const credentialOf = ({ access_token }: Tokens): Auth.Credential => ({ headers: { authorization: Redacted.make(`Bearer ${access_token}`) } })

/** What was refused is not what is here now: another call has seen to it. */
const isAnother = (sent: Auth.Credential | undefined, now: Auth.Credential): boolean => {
  const [before, after] = [sent, now].map((one) => one?.headers["authorization"])
  return before !== undefined && after !== undefined && Redacted.value(before) !== Redacted.value(after)
}

/** The scope of a grant that can be refreshed (OpenID Connect Core, 11). */
const OFFLINE = "offline_access"

/** Most scopes that one refusal can ask for on top. */
const MOST_MORE = 20

const isMistake = (failure: Auth.ConsentNeeded | Mistake): failure is Mistake => !(failure instanceof Auth.ConsentNeeded)
