/**
 * Sign-in with a browser: the code becomes an ID token (OpenID Connect Core, 3.1.3). It counts only for the
 * gateway's own client and for this very sign-in; who it names is who the issuer's access tokens name.
 */
import { Duration, Effect, Predicate, Redacted } from "effect"
import { type Egress, Provider } from "#plugin"
import { asClient } from "./ClientProof.ts"
import { identityFrom, refused, type Rules } from "./Claims.ts"
import { type Jws, jwsOf, LARGEST } from "./Jws.ts"
import { tokensIn, unreachable } from "./TokenEndpoint.ts"

/** ID tokens say who signed in a moment ago: some issuers let them live for many hours. */
const LONGEST_LIFE = Duration.days(1)

export interface SignInAt {
  readonly issuer: string
  /** All spellings of it that ID tokens have. */
  readonly issuers: ReadonlyArray<string>
  readonly egress: Egress.Egress["Service"]
  readonly metadata: Effect.Effect<Provider.AuthorizationServer, Provider.ProviderUnavailable>
  readonly verify: (jws: Jws, rules: Rules) => Effect.Effect<void, Provider.TokenRefused | Provider.ProviderUnavailable>
  readonly clockSkew: Duration.Duration
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string> | undefined
  readonly scopes: ReadonlyArray<string>
}

/** Whose ID token this is, where it is one for this client and this very sign-in. */
export const checkedIdToken = Effect.fnUntraced(function*(
  { clientId, clockSkew, issuer, issuers, verify }: Pick<SignInAt, "clientId" | "clockSkew" | "issuer" | "issuers" | "verify">,
  idToken: Redacted.Redacted<string>,
  nonce: string
) {
  const rules: Rules = { issuers, audience: clientId, types: ["jwt", ""], longestLife: LONGEST_LIFE, clockSkew }
  const text = Redacted.value(idToken)
  const jws = text.length > LARGEST ? "malformed" : jwsOf(text)
  if (Predicate.isString(jws)) return yield* refused("malformed", "the ID token is no JWT")
  yield* verify(jws, rules)
  const { azp, iat } = jws.claims
  if (jws.claims["nonce"] !== nonce) return yield* refused("malformed", "the ID token is of another sign-in")
  if (azp !== undefined && azp !== clientId) return yield* refused("audience", "the ID token was given to another client")
  if (!Predicate.isNumber(iat)) return yield* refused("malformed", "the ID token does not say when it was made")
  return identityFrom(issuer, aboutUser(jws.claims))
})

/** What of it is about this sign-in and not about the user is of no use later, and is kept nowhere. */
const aboutUser = (claims: Jws["claims"]): Jws["claims"] =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_SIGN_IN.has(name)))

const OF_SIGN_IN: ReadonlySet<string> = new Set(["nonce", "at_hash", "c_hash", "s_hash"])

export const signInAt = (at: SignInAt): Provider.BrowserClient => {
  const { clientId, clientSecret, egress, issuer, metadata, scopes } = at

  const redeem = Effect.fn("oidc.redeem")(function*({ code, codeVerifier, nonce, redirectUri }: Provider.Returned) {
    const { tokenEndpoint, tokenEndpointAuthMethods } = yield* metadata
    const proof = asClient({ id: clientId, secret: clientSecret }, tokenEndpointAuthMethods)
    const answer = yield* egress.ask(issuer, {
      ...proof,
      url: tokenEndpoint,
      form: { ...proof.form, grant_type: "authorization_code", code, code_verifier: codeVerifier, redirect_uri: redirectUri }
    }).pipe(Effect.mapError(unreachable(issuer)))
    const { idToken, refreshToken } = yield* tokensIn({ issuer }, answer)
    if (idToken === undefined) return yield* refused("malformed", "the issuer gave no ID token")
    return { identity: yield* checkedIdToken(at, idToken, nonce), idToken, refreshToken }
  })

  return { clientId, scopes, redeem }
}
