/**
 * What an identity provider is: how the tokens of one issuer are checked, refreshed and described.
 * It answers with an identity or a refusal; a token that it cannot check is never half accepted.
 */
import { type Effect, type Redacted, Schema } from "effect"

/** Who a token speaks for, once it has been checked. */
export interface Identity {
  readonly issuer: string
  readonly subject: string
  /** The client that holds the token, where the issuer says. */
  readonly clientId: string | undefined
  readonly scopes: ReadonlyArray<string>
  /** When it ends, in seconds since 1970. */
  readonly expires: number
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why a token is not good; anything that is no token at all is `malformed`. */
export const Reason = Schema.Literals([
  "malformed",
  "signature",
  "issuer",
  "audience",
  "expired",
  "not_yet",
  "type",
  "algorithm",
  "lifetime",
  "subject",
  "inactive"
])

/** The token is not good here. The detail is for the log: a caller hears `invalid_token` (RFC 6750, 3.1). */
export class TokenRefused extends Schema.TaggedError<TokenRefused>()("TokenRefused", {
  reason: Reason,
  detail: Schema.String
}) {
  override get message() {
    return `The token was refused (${this.reason}): ${this.detail}`
  }
}

/** Nobody can say now whether the token is good: not the caller's fault, and no reason to let anybody in. */
export class ProviderUnavailable extends Schema.TaggedError<ProviderUnavailable>()("ProviderUnavailable", {
  issuer: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The issuer ${this.issuer} ${this.detail}`
  }
}

/** Tokens that an issuer gave the gateway. */
export interface Tokens {
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string> | undefined
  /** In seconds since 1970; `undefined` where the issuer does not say. */
  readonly expires: number | undefined
  readonly scopes: ReadonlyArray<string> | undefined
}

/** An authorization server as its metadata describe it (RFC 8414). */
export interface AuthorizationServer {
  readonly issuer: string
  readonly authorizationEndpoint: string | undefined
  readonly tokenEndpoint: string
  readonly jwksUri: string | undefined
  readonly introspectionEndpoint: string | undefined
  readonly revocationEndpoint: string | undefined
  readonly userinfoEndpoint: string | undefined
  readonly registrationEndpoint: string | undefined
  readonly codeChallengeMethods: ReadonlyArray<string>
  readonly grantTypes: ReadonlyArray<string>
  readonly isIssuerInResponse: boolean
  readonly takesClientIdMetadataDocuments: boolean
  /** How clients may show who they are; absent where it does not say (RFC 8414, 2). */
  readonly tokenEndpointAuthMethods?: ReadonlyArray<string>
  /** The scopes that it names, where it does. */
  readonly scopes?: ReadonlyArray<string>
}

/** What a browser brought back from the authorization endpoint, with what the gateway had kept for it. */
export interface Returned {
  readonly code: Redacted.Redacted<string>
  /** RFC 7636, 4.1. */
  readonly codeVerifier: Redacted.Redacted<string>
  readonly redirectUri: string
  /** OpenID Connect Core, 3.1.2.1; an ID token without it is somebody else's. */
  readonly nonce: string
}

/** A user who signed in with a browser. */
export interface SignedIn {
  readonly identity: Identity
  /** OpenID Connect Core, 2; where the issuer gives one. */
  readonly idToken: Redacted.Redacted<string> | undefined
  readonly refreshToken: Redacted.Redacted<string> | undefined
}

/** How users sign in with a browser: the gateway's own client at the issuer (authorization code with PKCE). */
export interface BrowserClient {
  readonly clientId: string
  readonly scopes: ReadonlyArray<string>
  /** Trades the code for who signed in (RFC 6749, 4.1.3). */
  readonly redeem: (returned: Returned) => Effect.Effect<SignedIn, TokenRefused | ProviderUnavailable>
}

export interface IdentityProvider {
  /** Exactly as tokens name it. */
  readonly issuer: string
  /**
   * Checks a token that has to be for this audience.
   * @param audience the canonical URI of the resource (RFC 8707). Where the tokens of an issuer name none (GitHub, Google),
   * the provider holds them against the gateway's own client instead.
   */
  readonly validate: (token: Redacted.Redacted<string>, audience: string) => Effect.Effect<Identity, TokenRefused | ProviderUnavailable>
  /** How long, in milliseconds, an identity may be believed without asking again: 5000 at most where tokens are revoked. */
  readonly believedFor: number
  readonly metadata: Effect.Effect<AuthorizationServer, ProviderUnavailable>
  readonly refresh: (refreshToken: Redacted.Redacted<string>) => Effect.Effect<Tokens, TokenRefused | ProviderUnavailable>
  /**
   * What the issuer knows of the user beside the token.
   * @param accessToken one that the issuer gave to the gateway, never one that a caller came with
   */
  readonly userInfo: (accessToken: Redacted.Redacted<string>) => Effect.Effect<Readonly<Record<string, unknown>>, TokenRefused | ProviderUnavailable>
  /** Absent where the manifest names no client of the gateway's there. */
  readonly browser?: BrowserClient
}
