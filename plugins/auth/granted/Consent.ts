/** The way of a user to the authorization server of a backend and back (OAuth 2.1, 4.1), and how what was granted is given up (RFC 7009). */
import { Effect, Redacted } from "effect"
import { Auth, Egress, Keep, type Provider } from "#plugin"
import type { Authority } from "./Authority.ts"
import { type Clients, introduced, type Mistake } from "./Client.ts"
import { CLOCK_SKEW } from "../../providers/oidc/Settings.ts"
import { signedBy } from "../../providers/oidc/Signed.ts"
import { checkedIdToken } from "../../providers/oidc/SignIn.ts"
import { grantedIn, keyOf, rowFor, tokensOf } from "./Tokens.ts"

interface Over {
  readonly when: Auth.Consent["when"]
  /** What the manifest says that users are asked for. */
  readonly scopes: ReadonlyArray<string>
  readonly place: Authority["place"]
  /** What they are asked for where it does not. */
  readonly usual: Effect.Effect<ReadonlyArray<string>, Mistake>
  readonly clients: Clients
  readonly metadata: Effect.Effect<Provider.AuthorizationServer, Mistake>
  /** What is at hand of this user, or of all, is not as it was. */
  readonly changed: (principal: Auth.Principal | undefined) => void
}

export const consentWith = Effect.fnUntraced(function*({ changed, clients, metadata, place, scopes, usual, when }: Over) {
  const egress = yield* Egress.Egress
  const keep = yield* Keep.Keep
  const server = yield* Auth.Server
  const refused = ({ message }: Mistake) => new Auth.CredentialRefused({ server: server.id, reason: message })

  const begin = Effect.fnUntraced(function*({ codeChallenge, nonce, redirectUri, scopes: given, state }: Auth.Leaving) {
    const known = yield* metadata
    const { resource } = yield* place
    const wanted = given.length === 0 ? yield* usual : given
    const { authorizationEndpoint, codeChallengeMethods, isIssuerInResponse } = known
    if (authorizationEndpoint === undefined) return yield* Effect.fail({ message: `${known.issuer} has no authorization endpoint` })
    if (!codeChallengeMethods.includes("S256")) return yield* Effect.fail({ message: `${known.issuer} does not say that it does PKCE with S256` })
    const { id } = yield* clients.made(known)
    const url = new URL(authorizationEndpoint)
    const isOpenId = wanted.includes("openid")
    const asked = {
      response_type: "code",
      client_id: id,
      redirect_uri: redirectUri,
      state,
      code_challenge: codeChallenge,
      code_challenge_method: "S256",
      ...(wanted.length === 0 ? {} : { scope: wanted.join(" ") }),
      ...(resource === "" ? {} : { resource }),
      ...(isOpenId ? { nonce } : {}),
      // OpenID Connect Core, 11: without it there is no refresh token.
      ...(wanted.includes("offline_access") ? { prompt: "consent" } : {})
    }
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
    return { url: url.href, issuer: known.issuer, isIssuerInResponse }
  }, Effect.mapError(refused))

  /** The user as the authorization server itself names them, where nobody else has said who it is. */
  const named = Effect.fnUntraced(function*(known: Provider.AuthorizationServer, clientId: string, idToken: Redacted.Redacted<string> | undefined, nonce: string) {
    if (idToken === undefined) return yield* Effect.fail({ message: `${known.issuer} did not say who the user is: ask for the scope openid, or sign users in with master_oauth` })
    const at = { clientId, clockSkew: CLOCK_SKEW, issuer: known.issuer, issuers: [known.issuer], verify: signedBy({ egress, issuer: known.issuer, place: Effect.succeed(known.jwksUri) }) }
    const { claims, subject } = yield* checkedIdToken(at, idToken, nonce)
    const principal: Auth.Principal = { issuer: known.issuer, subject, claims }
    return principal
  })

  const finish = Effect.fnUntraced(function*({ code, codeVerifier, nonce, principal, redirectUri, scopes: given }: Auth.Arrived) {
    const known = yield* metadata
    const { resource } = yield* place
    const wanted = given.length === 0 ? yield* usual : given
    const client = yield* clients.made(known)
    const { as, form } = introduced(client, known)
    const answer = yield* egress.ask(known.issuer, {
      url: known.tokenEndpoint,
      form: {
        ...form,
        grant_type: "authorization_code",
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
        ...(resource === "" ? {} : { resource })
      },
      ...(as === undefined ? {} : { as })
    })
    const { idToken, tokens } = yield* grantedIn(answer, { scopes: wanted })
    const owner = principal ?? (yield* named(known, client.id, idToken, nonce))
    yield* keep.put(keyOf({ issuer: known.issuer, resource, client, principal: owner }), rowFor(tokens))
    changed(owner)
    return owner
  }, Effect.mapError(refused))

  const revoked = Effect.fnUntraced(function*(key: Keep.Key) {
    const row = yield* keep.get(key)
    const tokens = row === undefined ? undefined : tokensOf(row)
    yield* keep.remove(key)
    const { issuer: at } = yield* place
    const known = yield* metadata
    const { revocationEndpoint } = known
    const client = yield* clients.known(at)
    // Credentials of one client are never shown for the tokens of another.
    if (tokens === undefined || revocationEndpoint === undefined || key[1] !== at || client === undefined || client.id !== key[3]) return
    const { as, form } = introduced(client, known)
    const token = Redacted.make(tokens.refresh_token ?? tokens.access_token)
    const { status } = yield* egress.ask(at, { url: revocationEndpoint, form: { ...form, token }, ...(as === undefined ? {} : { as }) })
    if (status !== 200) yield* Effect.logWarning(`${at} did not revoke a token: it answered ${status}`)
  })

  const forget = Effect.fnUntraced(function*(principal: Auth.Principal | undefined) {
    const all = (yield* keep.keys).filter(([kind, , , , by, subject]) =>
      kind === "grant" && (principal === undefined || (by === principal.issuer && subject === principal.subject)))
    changed(principal)
    // What cannot be said to the authorization server is forgotten here all the same.
    yield* Effect.forEach(all, (key) => Effect.catch(revoked(key), ({ message }) => Effect.logWarning(`a token was not revoked upstream: ${message}`)), { concurrency: 4 })
    return all.length
  }, Effect.mapError(refused))

  const has = Effect.fnUntraced(function*(principal: Auth.Principal) {
    const at = yield* place
    const client = yield* clients.known(at.issuer)
    return client !== undefined && (yield* keep.get(keyOf({ ...at, client, principal }))) !== undefined
  }, Effect.mapError(refused))

  return { when, scopes, begin, finish, forget, has } satisfies Auth.Consent
})
