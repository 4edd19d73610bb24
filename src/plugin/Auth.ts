/**
 * What an auth strategy is: (principal, server) to the credential for one backend call.
 * It never sees the inbound token, so it cannot pass one on.
 */
import { Context, type Effect, type Redacted, Schema } from "effect"
import type { SubjectToken } from "./SubjectToken.ts"

/** Who calls, as verified by the gateway. Two are the same when issuer and subject are. */
export interface Principal {
  readonly issuer: string
  readonly subject: string
  /** The client that calls for it, where that is known. */
  readonly clientId?: string
  readonly scopes?: ReadonlyArray<string>
  /** What the issuer says of it, where a token was checked. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** What a strategy can exchange for a credential of its own; there where the caller came with a token. */
  readonly subjectToken?: SubjectToken
  /** Until when this is known, in seconds since 1970; for ever without it. */
  readonly expires?: number
}

/** The server a credential is for. */
export interface ServerRef {
  readonly id: string
  /** Its canonical URI (RFC 8707); absent for one that is not reached at an address of its own. */
  readonly resource?: string
}

/** The server that a strategy is built for; lent to `build` of a strategy alone. */
export class Server extends Context.Service<Server, ServerRef & {
  /** Where authorization servers send users back to: one address per server, so that a mix-up shows. */
  readonly returnAddress: () => string
  /** Where the gateway describes itself as a client, for this server (a client id metadata document). */
  readonly clientAddress: () => string
}>()("manifold/plugin/Server") {}

/** Headers for one call to a backend; `none` sends nothing. */
export interface Credential {
  readonly headers: Readonly<Record<string, Redacted.Redacted<string>>>
}

/** The one credential that sends nothing; strategies return it so that the hot path can tell at a glance. */
export const none: Credential = { headers: {} }

/** The strategy will not give a credential to this caller for this server. */
export class CredentialRefused extends Schema.TaggedError<CredentialRefused>()("CredentialRefused", {
  server: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `No credential for server "${this.server}": ${this.reason}`
  }
}

/** The user has to consent elsewhere first (OAuth 2.1 authorization code flow at the backend's authorization server). */
export class ConsentNeeded extends Schema.TaggedError<ConsentNeeded>()("ConsentNeeded", {
  server: Schema.String,
  authorizationEndpoint: Schema.String,
  tokenEndpoint: Schema.String,
  clientId: Schema.String,
  scopes: Schema.Array(Schema.String),
  returnAddress: Schema.String
}) {
  override get message() {
    return `Server "${this.server}" needs the consent of its user first`
  }
}

/** A user who is about to be sent away, and what the answer will be known by. */
export interface Leaving {
  /** RFC 6749, 4.1.1. */
  readonly state: string
  /** RFC 7636, 4.2, with S256. */
  readonly codeChallenge: string
  readonly redirectUri: string
  /** OpenID Connect Core, 3.1.2.1. */
  readonly nonce: string
  /** What is asked for: what the strategy says, and more where a call needs more. */
  readonly scopes: ReadonlyArray<string>
}

/** Where a user is sent, and who the answer has to come from. */
export interface Away {
  readonly url: string
  readonly issuer: string
  /** Whether the answer has to name its issuer (RFC 9207, 2.3). */
  readonly isIssuerInResponse: boolean
}

/** What a user came back with. */
export interface Arrived {
  /** Who it is for; absent where the answer itself says who the user is. */
  readonly principal: Principal | undefined
  readonly code: Redacted.Redacted<string>
  readonly codeVerifier: Redacted.Redacted<string>
  readonly redirectUri: string
  readonly nonce: string
  /** What was asked for. */
  readonly scopes: ReadonlyArray<string>
}

/**
 * How a user consents at the authorization server of a backend. The gateway leads the way: it knows who asks,
 * binds the answer to that user's browser, and checks who it comes from before any of this is called.
 */
export interface Consent {
  /**
   * `asked`: a call says that it is needed. `authorized`: it is a part of the client's own authorization at the server's
   * endpoint. `signed_in`: to sign in at the gateway with a browser is all.
   */
  readonly when: "asked" | "authorized" | "signed_in"
  readonly scopes: ReadonlyArray<string>
  readonly begin: (leaving: Leaving) => Effect.Effect<Away, CredentialRefused>
  /** Keeps what was granted; gives whom it is for. */
  readonly finish: (arrived: Arrived) => Effect.Effect<Principal, CredentialRefused>
  /** Whether this user has consented. */
  readonly has: (principal: Principal) => Effect.Effect<boolean, CredentialRefused>
  /** Gives up what was granted, at the authorization server too: of one user, or of all. */
  readonly forget: (principal: Principal | undefined) => Effect.Effect<number, CredentialRefused>
}

/** What a backend said of a credential. */
export interface Rejection {
  /** HTTP status: 401, it is not good; 403, it may too little. */
  readonly status: 401 | 403
  /** The scopes that the backend named (RFC 6750, 3.1). */
  readonly scopes: ReadonlyArray<string>
  /** What the call went out with, where that is known: another call may have brought a newer one meanwhile. */
  readonly sent?: Credential
}

export interface AuthStrategy {
  readonly credential: (
    principal: Principal,
    server: ServerRef
  ) => Effect.Effect<Credential, CredentialRefused | ConsentNeeded>
  /** Hears that the backend did not take the credential of a call; when it is done the call is made once more. */
  readonly rejected?: (principal: Principal, rejection: Rejection) => Effect.Effect<void, CredentialRefused | ConsentNeeded>
  /** For what the gateway asks on its own account, such as lists; nothing is sent without it. */
  readonly own?: (server: ServerRef) => Effect.Effect<Credential, CredentialRefused>
  /** Where the credential is the user's own: how it is got. What is listed with it is for that user alone. */
  readonly consent?: Consent
}
