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
export class Server extends Context.Service<Server, ServerRef>()("manifold/plugin/Server") {}

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
}) {}

export interface AuthStrategy {
  readonly credential: (
    principal: Principal,
    server: ServerRef
  ) => Effect.Effect<Credential, CredentialRefused | ConsentNeeded>
  /** For what the gateway asks on its own account, such as lists; nothing is sent without it. */
  readonly own?: (server: ServerRef) => Effect.Effect<Credential, CredentialRefused>
}
