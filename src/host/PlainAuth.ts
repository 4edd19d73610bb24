/** An auth strategy of the plain face as one of ours. What it throws is for the log, never for the caller. */
import { Effect, Predicate, Schema } from "effect"
import { Auth } from "#plugin"
import type { PlainAuth } from "../plugin/Plain.ts"
import { secretHeaders } from "./Secret.ts"
import { StartFailed } from "./StartFailed.ts"

const Strings = Schema.Record(Schema.String, Schema.String)
const Credential = Schema.Union([
  Schema.Struct({ headers: Strings }),
  Schema.Struct({ refused: Schema.String }),
  Schema.Struct({
    consent: Schema.Struct({
      authorizationEndpoint: Schema.String,
      tokenEndpoint: Schema.String,
      clientId: Schema.String,
      scopes: Schema.Array(Schema.String),
      returnAddress: Schema.String
    })
  })
])


export const authFrom = (name: string) => (value: unknown): Effect.Effect<Auth.AuthStrategy, StartFailed> => {
  if (!isAuth(value)) return new StartFailed({ needs: "the function credential" })

  const credential = Effect.fnUntraced(function*(principal: Auth.Principal, server: Auth.ServerRef) {
    const answer = yield* Effect.tryPromise(async (signal) => value.credential({ principal, server, signal })).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Credential)),
      Effect.tapError((cause) => Effect.logWarning(`auth strategy "${name}" failed for server "${server.id}"`, cause)),
      Effect.mapError(() => new Auth.CredentialRefused({ server: server.id, reason: `the strategy "${name}" failed` }))
    )
    if ("refused" in answer) return yield* new Auth.CredentialRefused({ server: server.id, reason: answer.refused })
    if ("consent" in answer) return yield* new Auth.ConsentNeeded({ server: server.id, ...answer.consent })
    return Object.keys(answer.headers).length === 0 ? Auth.none : { headers: secretHeaders(answer.headers) }
  })

  return Effect.succeed({ credential })
}

const isAuth = (value: unknown): value is PlainAuth =>
  Predicate.hasProperty(value, "credential") && Predicate.isFunction(value.credential)
