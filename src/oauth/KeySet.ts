/** The public keys of what the gateway signs (RFC 7517, 5). */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { SigningKeys } from "../vault/SigningKeys.ts"

export const JWKS_PATH = "/oauth/jwks"

export const keySet = HttpRouter.add("GET", JWKS_PATH, Effect.flatMap(SigningKeys, ({ published }) =>
  Effect.matchEffect(published, {
    onSuccess: (keys) =>
      Effect.succeed(HttpServerResponse.jsonUnsafe({ keys }, { headers: { "cache-control": "max-age=300", "access-control-allow-origin": "*" } })),
    onFailure: ({ message }) =>
      Effect.as(Effect.logWarning(message), HttpServerResponse.jsonUnsafe({ error: "temporarily_unavailable" }, { status: 503 }))
  })))
