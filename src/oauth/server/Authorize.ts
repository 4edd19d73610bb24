/**
 * The authorization endpoint, one step after the other: the client and its address are checked, the user signs in,
 * the user agrees, and only then a code is made. What the user saw is checked again when the answer comes.
 */
import { Clock, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import { Authentication } from "../../guard/Authentication.ts"
import { Failures } from "../../guard/Failures.ts"
import { isOnThisMachine } from "../../lib/RedirectUri.ts"
import { addressOf } from "../browser/Cookies.ts"
import { signInPlace } from "../browser/SignInPlace.ts"
import { nameOf } from "../browser/SignOut.ts"
import { Browser, type Visitor } from "../Browser.ts"
import { formFrom } from "../Form.ts"
import { consentPage } from "../pages/ConsentPage.ts"
import { answerOf, redirectTo } from "../pages/Page.ts"
import { queryOf } from "../Parameters.ts"
import { Refusal, withPages } from "../Refusal.ts"
import type { StoreFailed } from "../../store/StoreFailed.ts"
import { addressWith, type AnswerClient, type AuthorizationRequest, checked, unavailable } from "./AuthorizationRequest.ts"
import { codeFor } from "./Codes.ts"
import { type Asked, isGiven, remember } from "./Consents.ts"
import { used } from "./Registered.ts"

export const AUTHORIZE = "/oauth/authorize"
export const CONSENT = "/oauth/consent"

/** Requests of one address in a minute. */
const MOST = 300

const askedOf = ({ client, redirectUri, resource, scopes }: AuthorizationRequest, { principal }: Visitor): Asked =>
  ({ principal, clientId: client.id, redirectUri, resource: resource.uri, scopes })

/** Sends the browser away with what it came for: everything has been asked and allowed. */
const granted = Effect.fnUntraced(function*(request: AuthorizationRequest, { principal }: Visitor) {
  const { challenge, client, redirectUri, resource, scopes } = request
  const { claims, issuer, subject } = principal
  const place = yield* Effect.option(signInPlace((yield* Authentication).rules()))
  const allowed = {
    clientId: client.id,
    known: client.known,
    issuer,
    subject,
    resource: resource.uri,
    scopes,
    ...claims !== undefined && { claims },
    ...place._tag === "Some" && { by: place.value.issuer }
  }
  const code = yield* codeFor({ allowed, redirectUri, challenge })
  if (client.known === "registered") yield* used(client.id)
  return redirectTo(addressWith(request, { code }))
})

const consentAsked = (request: AuthorizationRequest, visitor: Visitor) => {
  const { client, issuer, query, redirectUri, resource, scopes } = request
  return answerOf(consentPage({
    clientName: client.name,
    clientId: client.id,
    isSelfNamed: client.known !== "listed",
    redirectUri,
    isOnThisMachine: isOnThisMachine(redirectUri),
    scopes,
    resource: resource.uri,
    userName: nameOf(visitor),
    action: issuer + CONSENT,
    formToken: visitor.formToken,
    query
  }))
}

/** Mistakes go where they belong: to a page, or to the client. */
const answered = <R>(route: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal | AnswerClient | StoreFailed, R>) =>
  withPages(Effect.catchTags(route, {
    AnswerClient: ({ address }) => Effect.succeed(redirectTo(address)),
    StoreFailed: (failure) => unavailable(failure)
  }))

const signedIn = Effect.fnUntraced(function*(request: AuthorizationRequest) {
  const { signIn } = yield* Browser
  return yield* Effect.catchTag(signIn(`${AUTHORIZE}?${request.query}`), "SignInUnavailable", ({ message }) =>
    Effect.as(Effect.logWarning(message), redirectTo(addressWith(request, { error: "temporarily_unavailable" }))))
})

const authorize = (limit: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, Refusal>) =>
  HttpRouter.add("GET", AUTHORIZE, (request) => answered(Effect.gen(function*() {
    yield* limit(request)
    const wanted = yield* checked(queryOf(request.url))
    const visitor = yield* (yield* Browser).visitor(request)
    if (visitor === undefined) return yield* signedIn(wanted)
    const isAsked = wanted.isAlwaysAsked || !(yield* isGiven(askedOf(wanted, visitor)))
    return isAsked ? consentAsked(wanted, visitor) : yield* granted(wanted, visitor)
  })))

const EXPIRED = new Refusal({ status: 401, error: "login_required", why: "You are not signed in any more", next: "Begin again at your client" })

const consent = (limit: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, Refusal>) =>
  HttpRouter.add("POST", CONSENT, (request) => answered(Effect.gen(function*() {
    yield* limit(request)
    const visitor = yield* (yield* Browser).visitor(request)
    if (visitor === undefined) return yield* EXPIRED
    const form = yield* formFrom(request, visitor)
    const wanted = yield* checked(form.get("request") ?? "")
    const { client, resource } = wanted
    const decision = form.get("decision") === "allow" ? "allowed" : "denied"
    yield* Effect.logInfo(`A user ${decision} a client`, { client: client.id, resource: resource.uri, subject: visitor.principal.subject })
    if (decision === "denied") return redirectTo(addressWith(wanted, { error: "access_denied" }))
    yield* remember(askedOf(wanted, visitor))
    return yield* granted(wanted, visitor)
  })))

const TOO_MANY = new Refusal({ status: 429, error: "temporarily_unavailable", why: "Too many requests came from your address", next: "Try again in a minute" })

export const authorizing = Layer.unwrap(Effect.sync(() => {
  const requests = new Failures(MOST)
  const limit = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const now = yield* Clock.currentTimeMillis
    const from = addressOf(request)
    if (requests.waitOf(from, now) > 0) return yield* TOO_MANY
    requests.count(from, now)
  })
  return Layer.mergeAll(authorize(limit), consent(limit))
}))
