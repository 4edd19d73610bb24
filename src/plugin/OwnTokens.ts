/**
 * The access tokens that the gateway gives out itself, as an authorization server. They are opaque: only the
 * gateway knows what one is good for, and one that was taken back is good for nothing at once.
 */
import { Context, type Effect, type Redacted } from "effect"
import type { Identity, ProviderUnavailable, TokenRefused } from "./Provider.ts"

export class OwnTokens extends Context.Service<OwnTokens, {
  /** The gateway as an issuer: what clients write before its paths. */
  readonly issuer: () => string
  /** Whom a token stands for, where it is for this very audience. */
  readonly check: (token: Redacted.Redacted<string>, audience: string) => Effect.Effect<Identity, TokenRefused | ProviderUnavailable>
}>()("manifold/plugin/OwnTokens") {}
