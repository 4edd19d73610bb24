/**
 * What the issuer gave the gateway when a user signed in with a browser, for strategies that act for that user
 * at this issuer (ID-JAG). Nothing of it can be read; it goes to its own issuer alone.
 */
import { Context, Effect, type Redacted } from "effect"
import type { Principal } from "./Auth.ts"
import { type KeepFailed, RefreshFailed } from "./Keep.ts"
import type { SubjectToken } from "./SubjectToken.ts"

export interface SignedInUser {
  /** OpenID Connect Core, 2. */
  readonly idToken: SubjectToken
  readonly refreshToken: SubjectToken | undefined
  /** Until when the ID token counts, in milliseconds since 1970. */
  readonly expires: number
  /** Tells one sign-in from the next. */
  readonly version: number
}

export interface Renewed {
  readonly idToken: Redacted.Redacted<string>
  /** The one before stays where there is none. */
  readonly refreshToken: Redacted.Redacted<string> | undefined
}

export class SignIns extends Context.Service<SignIns, {
  /** Nothing for a user who did not sign in with a browser, or too long ago. */
  readonly of: (principal: Principal) => Effect.Effect<SignedInUser | undefined, KeepFailed>
  /** Runs a refresh once for all who ask, and keeps what it gives. */
  readonly renewed: (
    principal: Principal,
    refresh: (before: SignedInUser) => Effect.Effect<Renewed, RefreshFailed>
  ) => Effect.Effect<SignedInUser, KeepFailed | RefreshFailed>
}>()("manifold/plugin/SignIns") {}

/** Nobody signed in. */
export const nobody: SignIns["Service"] = {
  of: () => Effect.undefined,
  renewed: () => new RefreshFailed({ reason: "nobody signed in", final: true })
}
