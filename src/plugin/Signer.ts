/**
 * Short statements that the gateway signs itself, with keys that it publishes (RFC 7517) and nobody else has.
 * They are for others: the gateway takes none of them back.
 */
import { Context, type Effect, type Redacted, Schema } from "effect"

export class SignFailed extends Schema.TaggedError<SignFailed>()("SignFailed", { reason: Schema.String }) {
  override get message() {
    return `The gateway cannot sign now: ${this.reason}`
  }
}

export interface AccessToken {
  /** Who takes it. */
  readonly audience: string
  /** Who it speaks for. */
  readonly subject: string
  readonly scopes: ReadonlyArray<string>
  /** Seconds, 600 at most. */
  readonly life: number
}

export interface Signed {
  readonly token: Redacted.Redacted<string>
  /** Milliseconds since 1970. */
  readonly expires: number
}

export class Signer extends Context.Service<Signer, {
  /** An access token of the gateway's own (RFC 9068); its issuer is the address of the gateway. */
  readonly accessToken: (wanted: AccessToken) => Effect.Effect<Signed, SignFailed>
  /** What a client shows instead of a secret (`private_key_jwt`, RFC 7523, 2.2), for one minute. */
  readonly clientAssertion: (wanted: { readonly clientId: string; readonly audience: string }) => Effect.Effect<Redacted.Redacted<string>, SignFailed>
}>()("manifold/plugin/Signer") {}

const none = new SignFailed({ reason: "it has no keys here" })

/** Signs nothing. */
export const nobody: Signer["Service"] = { accessToken: () => none, clientAssertion: () => none }
