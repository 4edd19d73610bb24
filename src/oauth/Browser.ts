/**
 * Who a browser belongs to: the user signs in at the gateway, through the provider of `master_oauth`, and
 * a cookie then stands for that principal. Pages that act for a user ask here first who is looking at them.
 */
import { Context, type Effect, Schema } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Principal } from "../plugin/Auth.ts"

/** Nobody can sign in with a browser here; the reason says what the manifest lacks, or what the issuer did. */
export class SignInUnavailable extends Schema.TaggedError<SignInUnavailable>()("SignInUnavailable", { reason: Schema.String }) {
  override get message() {
    return `Nobody can sign in with a browser now: ${this.reason}`
  }
}

export interface Visitor {
  readonly principal: Principal
  /** Goes into each form of a page, and has to come back with it; another browser's is another. */
  readonly formToken: string
}

export class Browser extends Context.Service<Browser, {
  /** Who has signed in with this browser, and still counts as signed in. */
  readonly visitor: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Visitor | undefined>
  /**
   * Sends the browser to sign in and then back.
   * @param returnTo a path of ours with its query; never an address
   */
  readonly signIn: (returnTo: string) => Effect.Effect<HttpServerResponse.HttpServerResponse, SignInUnavailable>
  /** Makes the browser be signed in as this principal, who has been verified just now. */
  readonly enter: (response: HttpServerResponse.HttpServerResponse, principal: Principal) => Effect.Effect<HttpServerResponse.HttpServerResponse>
}>()("manifold/oauth/Browser") {}
