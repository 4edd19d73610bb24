/** The token endpoint: a code or a refresh token for an access token. Why one does not count is for the log, the client hears `invalid_grant`. */
import { Clock, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import { Failures } from "../../guard/Failures.ts"
import { addressOf } from "../browser/Cookies.ts"
import { formOf } from "../Form.ts"
import type { Parameters } from "../Parameters.ts"
import { answer, OauthError, preflight, unavailable, withErrors } from "./Answers.ts"
import type { Client } from "./Client.ts"
import { provenClient } from "./ClientProof.ts"
import { redeemed } from "./Codes.ts"
import { ACCESS_SECONDS, type Given, grantOf, refreshed, takenBack } from "./Grants.ts"
import { Terms } from "./Terms.ts"
import { admits } from "./Tokens.ts"

type Proven = Pick<Client, "id">

export const TOKEN = "/oauth/token"
export const REVOKE = "/oauth/revoke"

const wrong = (error: string, description: string) => new OauthError({ status: 400, error, description })

const INVALID_GRANT = wrong("invalid_grant", "The code or refresh token is not good, or is for another client, address or resource")

const needed = (form: Parameters, name: string): Effect.Effect<string, OauthError> => {
  const value = form.get(name)
  return value === undefined ? wrong("invalid_request", `${name} is missing`) : Effect.succeed(value)
}

const onlyResource = (form: Parameters): Effect.Effect<string | undefined, OauthError> => {
  const [first, ...more] = form.all("resource")
  return more.length > 0 ? wrong("invalid_target", "A token is for one resource") : Effect.succeed(first)
}

const byCode = Effect.fnUntraced(function*(form: Parameters, client: Proven) {
  const code = yield* needed(form, "code")
  const verifier = yield* needed(form, "code_verifier")
  if (!/^[A-Za-z0-9._~-]{43,128}$/u.test(verifier)) return yield* INVALID_GRANT
  const brought = { code, verifier, clientId: client.id, redirectUri: form.get("redirect_uri"), resource: yield* onlyResource(form) }
  return yield* redeemed(brought)
})

/** What is asked for may be less than was allowed, never more. */
const scopesFor = (form: Parameters, allowed: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, OauthError> => {
  const asked = form.get("scope")?.split(" ").filter((each) => each !== "") ?? allowed
  return asked.every((scope) => allowed.includes(scope)) ? Effect.succeed(asked) : wrong("invalid_scope", "More was asked for than the user allowed")
}

const byRefresh = Effect.fnUntraced(function*(form: Parameters, client: Proven) {
  const token = yield* needed(form, "refresh_token")
  const resource = yield* onlyResource(form)
  const grant = yield* grantOf(token)
  const inForce = (yield* Terms).current()
  if (grant === undefined || inForce === undefined) return undefined
  const { allowed } = grant.value
  if (allowed.clientId !== client.id || !admits(inForce, allowed) || inForce.resource(allowed.resource) === undefined) return undefined
  if (resource !== undefined && resource !== allowed.resource) return yield* wrong("invalid_target", "The token was allowed for another resource")
  return yield* refreshed(grant, yield* scopesFor(form, allowed.scopes))
})

const tokensFor = Effect.fnUntraced(function*(form: Parameters, client: Proven) {
  const kind = yield* needed(form, "grant_type")
  if (kind === "authorization_code") return yield* byCode(form, client)
  if (kind === "refresh_token") return yield* byRefresh(form, client)
  return yield* wrong("unsupported_grant_type", "Known are authorization_code and refresh_token")
})

const shown = ({ accessToken, refreshToken, scopes }: Given) =>
  answer({
    access_token: accessToken,
    token_type: "Bearer",
    expires_in: ACCESS_SECONDS,
    refresh_token: refreshToken,
    ...scopes.length > 0 && { scope: scopes.join(" ") }
  })

type Request = HttpServerRequest.HttpServerRequest

/** Requests of one address in a minute: each leaves a row for as long as a token lives. */
const MOST = 600

interface Limits {
  readonly requests: Failures
  readonly failures: Failures
}

/** The form of a request with the client that proved itself; who asks or fails too often waits. */
const asking = ({ failures, requests }: Limits) => Effect.fnUntraced(function*<A, E, R>(request: Request, use: (form: Parameters, client: Proven) => Effect.Effect<A, E | OauthError, R>) {
  const now = yield* Clock.currentTimeMillis
  const from = addressOf(request)
  const wait = Math.max(failures.waitOf(from, now), requests.waitOf(from, now))
  if (wait > 0) return yield* new OauthError({ status: 429, error: "temporarily_unavailable", description: "Too many requests came from your address, or were refused; try again later", retryAfter: wait })
  requests.count(from, now)
  if ((yield* Terms).current() === undefined) return yield* new OauthError({ status: 404, error: "not_found", description: "This gateway is no authorization server" })
  const form = yield* formOf(request)
  if (form === undefined || form.repeated.length > 0) return yield* wrong("invalid_request", "A form is needed, with no parameter twice")
  return yield* Effect.tapError(
    Effect.flatMap(provenClient(form, request.headers["authorization"]), (client) => use(form, client)),
    () => Effect.sync(() => failures.count(from, now))
  )
})

const token = (limits: Limits) => HttpRouter.add("POST", TOKEN, (request) =>
  withErrors(Effect.catchTag(Effect.gen(function*() {
    const given = yield* asking(limits)(request, (form, client) =>
      Effect.flatMap(tokensFor(form, client), (given) => given === undefined ? INVALID_GRANT : Effect.succeed(given)))
    return shown(given)
  }), "StoreFailed", unavailable)))

/** RFC 7009: whatever is not good is answered as if it had been taken back just now. */
const revoke = (limits: Limits) => HttpRouter.add("POST", REVOKE, (request) =>
  withErrors(Effect.catchTag(Effect.gen(function*() {
    yield* asking(limits)(request, (form, client) => Effect.flatMap(needed(form, "token"), (token) => takenBack(token, client.id)))
    return answer({})
  }), "StoreFailed", unavailable)))

export const tokenRoutes = Layer.unwrap(Effect.sync(() => {
  const limits: Limits = { requests: new Failures(MOST), failures: new Failures() }
  return Layer.mergeAll(token(limits), revoke(limits), preflight(TOKEN), preflight(REVOKE))
}))
