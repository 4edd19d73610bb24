/**
 * Sign-in with a browser: the code becomes an ID token (OpenID Connect Core, 3.1.3). It counts only for the
 * gateway's own client and for this very sign-in; who it names is who the issuer's access tokens name.
 */
import { Duration, Effect, Predicate, Redacted } from "effect"
import { type Egress, Provider } from "#plugin"
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

export const signInAt = (at: SignInAt): Provider.BrowserClient => {
  const { clientId, clientSecret, egress, issuer, metadata, scopes, verify } = at
  const rules: Rules = { issuers: at.issuers, audience: clientId, types: ["jwt", ""], longestLife: LONGEST_LIFE, clockSkew: at.clockSkew }

  const redeem = Effect.fn("oidc.redeem")(function*({ code, codeVerifier, nonce, redirectUri }: Provider.Returned) {
    const { tokenEndpoint } = yield* metadata
    const answer = yield* egress.ask(issuer, {
      url: tokenEndpoint,
      form: {
        grant_type: "authorization_code",
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
        ...clientSecret === undefined && { client_id: clientId }
      },
      ...clientSecret !== undefined && { as: { _tag: "Client", id: clientId, secret: clientSecret } }
    }).pipe(Effect.mapError(unreachable(issuer)))
    const { idToken, refreshToken } = yield* tokensIn({ issuer }, answer)
    if (idToken === undefined) return yield* refused("malformed", "the issuer gave no ID token")
    const text = Redacted.value(idToken)
    const jws = text.length > LARGEST ? "malformed" : jwsOf(text)
    if (Predicate.isString(jws)) return yield* refused("malformed", "the ID token is no JWT")
    yield* verify(jws, rules)
    const { azp, iat } = jws.claims
    if (jws.claims["nonce"] !== nonce) return yield* refused("malformed", "the ID token is of another sign-in")
    if (azp !== undefined && azp !== clientId) return yield* refused("audience", "the ID token was given to another client")
    if (!Predicate.isNumber(iat)) return yield* refused("malformed", "the ID token does not say when it was made")
    return { identity: identityFrom(issuer, jws.claims), idToken, refreshToken }
  })

  return { clientId, scopes, redeem }
}
