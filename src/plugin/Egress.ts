/**
 * The one way out to issuers and whatever their metadata name, which an outsider could steer.
 *
 * A question has no free headers, so that nothing of an inbound request can go along: what it
 * says about who asks is a value of its own (`Caller`), built from credentials of the gateway.
 */
import type { SubjectToken } from "./SubjectToken.ts"
import { Context, type Effect, type Redacted, Schema } from "effect"

/** As whom the gateway asks: as its own client, or with a token that the issuer gave to the gateway. */
export type Caller =
  | { readonly _tag: "Client"; readonly id: string; readonly secret: Redacted.Redacted<string> }
  | { readonly _tag: "Token"; readonly token: Redacted.Redacted<string> }

/** A caller's own token goes only where its issuer is asked. */
export type Fields = Readonly<Record<string, string | Redacted.Redacted<string> | SubjectToken>>

/** What a document says of the gateway: nothing in it is a secret. */
export type Document = Readonly<Record<string, Fields[string] | ReadonlyArray<string>>>

/** A GET, or a POST where it has a `form` or `json`. */
export interface Question {
  readonly url: string
  readonly form?: Fields
  readonly json?: Document
  readonly as?: Caller
  /** The media type asked for; `application/json` unless told. */
  readonly accept?: string
}

export interface Answer {
  readonly status: number
  /** The JSON of the body; `undefined` where it is none, or one beyond the limits on depth and elements. */
  readonly body: unknown
  /** How long the answer may be kept, in seconds, where it says (RFC 9111, 5.2.2.1); 0 for one that may not be. */
  readonly freshFor?: number
  /** What it wants of whoever asks (RFC 9110, 11.6.1); nothing that is too long to be one. */
  readonly challenge?: string
}

/** No answer that counts came back. It names the place without its query, and nothing that was sent. */
export class EgressFailed extends Schema.TaggedError<EgressFailed>()("EgressFailed", {
  place: Schema.String,
  reason: Schema.Literals(["address", "redirect", "size", "time", "connection"]),
  detail: Schema.String
}) {
  override get message() {
    return `${this.place} ${this.detail}`
  }
}

export { parameterIn, scopesOf } from "../lib/Challenge.ts"
export { isLoopback } from "../lib/Loopback.ts"

export class Egress extends Context.Service<Egress, {
  /**
   * Asks over https, at public addresses. Where the configured issuer is on loopback, loopback is allowed
   * too, in plain http. No redirect is followed, an answer has 1 MiB at most and comes within 10 seconds.
   * @param issuer as the manifest names it, never as an answer does
   */
  readonly ask: (issuer: string, question: Question) => Effect.Effect<Answer, EgressFailed>
  /**
   * Writes what is at an address to a new file, under the same rules; but redirects are followed, five at most, each
   * to an address that may be asked itself, for what is fetched so is known by its hash. It takes ten minutes at most.
   * @param most bytes
   * @returns its SHA-256, in hex digits
   */
  readonly download: (issuer: string, url: string, to: { readonly file: string; readonly most: number }) => Effect.Effect<string, EgressFailed>
}>()("manifold/plugin/Egress") {}
