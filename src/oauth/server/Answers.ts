/** Answers for programs: JSON that nobody keeps, errors in the words of OAuth (RFC 6749, 5.2), readable for pages of the origins that are let in. */
import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"

export const OPEN: Readonly<Record<string, string>> = { "access-control-allow-origin": "*" }

const HEADERS: Readonly<Record<string, string>> = { ...OPEN, "cache-control": "no-store", pragma: "no-cache", "x-content-type-options": "nosniff" }

export class OauthError extends Schema.TaggedError<OauthError>()("OauthError", {
  status: Schema.Literals([400, 401, 404, 429, 503]),
  error: Schema.String,
  /** For whoever makes the client; never what the client sent. */
  description: Schema.String,
  /** Seconds to wait. */
  retryAfter: Schema.optionalKey(Schema.Int),
  /** The client tried to prove itself in the Authorization header (RFC 6749, 5.2). */
  challenged: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return this.description
  }
}

export const answer = (body: object, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(body, { status, headers: HEADERS })

const errorAnswer = ({ challenged, description, error, retryAfter, status }: OauthError) =>
  HttpServerResponse.setHeaders(answer({ error, error_description: description }, status), {
    ...retryAfter !== undefined && { "retry-after": String(retryAfter) },
    ...challenged === true && { "www-authenticate": "Basic realm=\"gateway\"" }
  })

/** Every error of a route as its answer. */
export const withErrors = <R>(route: Effect.Effect<HttpServerResponse.HttpServerResponse, OauthError, R>) =>
  Effect.catchTag(route, "OauthError", (error) => Effect.succeed(errorAnswer(error)))

/** What a browser asks before it lets a page of another origin post here. */
export const preflight = (path: `/${string}`) =>
  HttpRouter.add("OPTIONS", path, HttpServerResponse.empty({
    status: 204,
    headers: {
      ...OPEN,
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers": "authorization, content-type, mcp-protocol-version",
      "access-control-max-age": "600"
    }
  }))

export const unavailable = ({ message }: { readonly message: string }) =>
  Effect.andThen(Effect.logWarning(message), new OauthError({ status: 503, error: "temporarily_unavailable", description: "The gateway cannot answer now", retryAfter: 5 }))
