/** Forgets a user who has left, for an operator: what they granted to servers is taken back there too. */
import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Authentication } from "../guard/Authentication.ts"
import { Users } from "../guard/Users.ts"

const Asked = Schema.Struct({ subject: Schema.NonEmptyString, issuer: Schema.optionalKey(Schema.NonEmptyString) })

/** What the answer says; a schema, because the command line reads it. */
export const ForgottenUser = Schema.Struct({
  issuer: Schema.String,
  subject: Schema.String,
  kept: Schema.Record(Schema.String, Schema.Int),
  problems: Schema.Array(Schema.String)
})

const refused = (message: string) => HttpServerResponse.jsonUnsafe({ error: "invalid_request", message }, { status: 400 })

export const FORGET_PATH = "/api/v1/users/forget"

export const forgetUser = HttpRouter.add("POST", FORGET_PATH, Effect.gen(function*() {
  const asked = yield* Effect.option(HttpServerRequest.schemaBodyJson(Asked))
  if (asked._tag === "None") return refused("The body has to be JSON with a subject, and an issuer where it is not the one that signs users in")
  const { signIn } = { signIn: undefined, ...(yield* Authentication).rules() }
  const { issuer = signIn?.provider.issuer, subject } = asked.value
  if (issuer === undefined) return refused("Say which issuer the user is of: this gateway signs nobody in")
  const { kept, problems } = yield* (yield* Users).forget({ issuer, subject })
  return HttpServerResponse.jsonUnsafe({ issuer, subject, kept, problems })
}))
