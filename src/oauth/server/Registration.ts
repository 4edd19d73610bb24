/** The registration endpoint (RFC 7591), there with `registration: dynamic` alone. What registers is a public client, whatever it asks for. */
import { ByteSize, Clock, Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { MaxBodySize } from "effect/http/HttpServerRequest"
import { Failures } from "../../guard/Failures.ts"
import { isOnThisMachine, redirectMistake } from "../../lib/RedirectUri.ts"
import { addressOf } from "../browser/Cookies.ts"
import { answer, OauthError, preflight, unavailable, withErrors } from "./Answers.ts"
import { register } from "./Registered.ts"
import { Terms } from "./Terms.ts"

export const REGISTER = "/oauth/register"

const LARGEST = 16 * 1024
/** Registrations of one address in a minute. */
const MOST = 20

const Text = Schema.String.check(Schema.isMaxLength(2000))
const Wanted = Schema.Struct({
  redirect_uris: Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(20)),
  client_name: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
  application_type: Schema.optionalKey(Schema.String),
  grant_types: Schema.optionalKey(Schema.Array(Schema.String)),
  response_types: Schema.optionalKey(Schema.Array(Schema.String))
})
type Wanted = typeof Wanted.Type

const refused = (error: "invalid_redirect_uri" | "invalid_client_metadata", description: string) => new OauthError({ status: 400, error, description })

/** OpenID Connect Registration, 2: a web application is elsewhere, a native one is on the user's machine. */
const mistakeIn = ({ application_type, grant_types, redirect_uris, response_types }: Wanted): OauthError | undefined => {
  const wrong = redirect_uris.find((uri) => redirectMistake(uri) !== undefined)
  if (wrong !== undefined) return refused("invalid_redirect_uri", `A redirect_uri ${redirectMistake(wrong)}`)
  if (application_type === "web" && redirect_uris.some(isOnThisMachine)) return refused("invalid_redirect_uri", "A web application has https addresses; on the user's machine it is native")
  if (application_type !== undefined && application_type !== "web" && application_type !== "native") return refused("invalid_client_metadata", "application_type is web or native")
  if (grant_types !== undefined && !grant_types.includes("authorization_code")) return refused("invalid_client_metadata", "grant_types needs authorization_code")
  return response_types === undefined || response_types.includes("code") ? undefined : refused("invalid_client_metadata", "response_types needs code")
}

const wantedIn = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
  const body = yield* request.json.pipe(Effect.option, Effect.provideService(MaxBodySize, ByteSize.bytes(LARGEST)))
  const wanted = Option.flatMap(body, Schema.decodeUnknownOption(Wanted))
  if (Option.isNone(wanted)) return yield* refused("invalid_client_metadata", "JSON with redirect_uris is needed, 16 KiB at most")
  const mistake = mistakeIn(wanted.value)
  return mistake === undefined ? wanted.value : yield* mistake
})

const registering = (registrations: Failures) => HttpRouter.add("POST", REGISTER, (request) =>
  withErrors(Effect.catchTag(Effect.gen(function*() {
    if ((yield* Terms).current()?.registration !== "dynamic") return yield* new OauthError({ status: 404, error: "not_found", description: "Clients do not register here" })
    const now = yield* Clock.currentTimeMillis
    const from = addressOf(request)
    const wait = registrations.waitOf(from, now)
    if (wait > 0) return yield* new OauthError({ status: 429, error: "temporarily_unavailable", description: "Too many clients registered; try again later", retryAfter: wait })
    registrations.count(from, now)
    const { application_type, client_name, redirect_uris } = yield* wantedIn(request)
    const made = yield* register({ name: client_name ?? "A client without a name", redirectUris: redirect_uris })
    if (made === undefined) return yield* new OauthError({ status: 503, error: "temporarily_unavailable", description: "Too many clients are registered", retryAfter: 3600 })
    yield* Effect.logInfo("A client registered", { client: made.id })
    return answer({
      client_id: made.id,
      client_id_issued_at: Math.floor(made.registered / 1000),
      redirect_uris,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      ...client_name !== undefined && { client_name },
      ...application_type !== undefined && { application_type }
    }, 201)
  }), "StoreFailed", unavailable)))

export const registration = Layer.unwrap(Effect.sync(() => Layer.mergeAll(registering(new Failures(MOST)), preflight(REGISTER))))
