/** Why a browser gets an error page instead of what it came for; what only the log may know goes there under the same reference. */
import { Effect, Schema } from "effect"
import type { HttpServerResponse } from "effect/http"
import { errorPage } from "./pages/ErrorPage.ts"
import { answerOf } from "./pages/Page.ts"
import { correlationId } from "./Random.ts"

export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  status: Schema.Literals([400, 401, 403, 404, 405, 413, 429, 503]),
  /** The word of OAuth for it, or one of ours in the same form. */
  error: Schema.String,
  /** A sentence without its full stop, as `next`. */
  why: Schema.String,
  next: Schema.String,
  /** For the log: no secret, and nothing that an outsider wrote without being quoted. */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return this.detail === undefined ? this.why : `${this.why}: ${this.detail}`
  }
}

/** The refusal as a page. */
export const shown = Effect.fnUntraced(function*(refusal: Refusal) {
  const correlation = correlationId()
  yield* Effect.logInfo(`A browser was refused (${refusal.error}): ${refusal.message}`, { correlation })
  return answerOf(errorPage({ ...refusal, message: refusal.why, correlation }))
})

/** Every refusal of a route as a page. */
export const withPages = <R>(route: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>) =>
  Effect.catchTag(route, "Refusal", shown)
