/**
 * The authorization endpoint, one step after the other: the client and its address are checked, the user signs in,
 * the user agrees, and only then a code is made. What the user saw is checked again when the answer comes.
 */
import { Clock, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import { Authentication, LOCAL } from "../../guard/Authentication.ts"
import { Consents as Ways } from "../../guard/Consents.ts"
import { Failures } from "../../guard/Failures.ts"
import { isOnThisMachine } from "../../lib/RedirectUri.ts"
import { addressOf } from "../browser/Cookies.ts"
import { leave } from "../consent/Leaving.ts"
import { signInPlace } from "../browser/SignInPlace.ts"
import { nameOf } from "../browser/SignOut.ts"
import { Browser, type Visitor } from "../Browser.ts"
import { formFrom } from "../Form.ts"
import { consentPage } from "../pages/ConsentPage.ts"
import { answerOf, redirectTo } from "../pages/Page.ts"
import { queryOf } from "../Parameters.ts"
import { recorded } from "../Recorded.ts"
import { Refusal, withPages } from "../Refusal.ts"
import type { Principal } from "../../plugin/Auth.ts"
import { randomText } from "../Random.ts"
import type { StoreFailed } from "../../store/StoreFailed.ts"
import { addressWith, AnswerClient, type AuthorizationRequest, checked, unavailable } from "./AuthorizationRequest.ts"
import type { Clients } from "./Clients.ts"
import { codeFor } from "./Codes.ts"
import { type Asked, isGiven, remember } from "./Consents.ts"
import { used } from "./Registered.ts"
import type { Terms } from "./Terms.ts"

export const AUTHORIZE = "/oauth/authorize"
export const CONSENT = "/oauth/consent"

/** Requests of one address in a minute. */
const MOST = 300

const askedOf = ({ client, redirectUri, resource, scopes }: AuthorizationRequest, { principal }: Visitor): Asked =>
  ({ principal, clientId: client.id, redirectUri, resource: resource.uri, scopes })

/** Sends the browser away with what it came for: everything has been asked and allowed. */
const granted = Effect.fnUntraced(function*(request: AuthorizationRequest, { claims, issuer, subject }: Principal) {
  const { challenge, client, redirectUri, resource, scopes } = request
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

/** The same for a request that went through something before the answer came. */
export const grantedTo = Effect.fnUntraced(function*(query: string, principal: Principal) {
  return yield* granted(yield* checked(query), principal)
})

/** The client hears that the further consent did not come about. */
export const consentFailed = Effect.fnUntraced(function*(query: string, refusal: Refusal): Effect.fn.Return<never, Refusal | AnswerClient, Clients | Terms> {
  yield* Effect.logInfo(`The authorization server of a backend did not let a user in: ${refusal.message}`)
  const error = refusal.error === "access_denied" ? "access_denied" : "server_error"
  return yield* new AnswerClient({ address: addressWith(yield* checked(query), { error }), error })
})

/** Who is there without having signed in: one local user, or nobody in particular. */
const isNobody = ({ issuer }: Principal): boolean => issuer === LOCAL.issuer || issuer === ANONYMOUS

/**
 * Once the user has agreed: for a server with `proxy_oauth` its own authorization server is asked as well. Where nobody
 * signs users in here, that one says who they are.
 */
const further = Effect.fnUntraced(function*(request: AuthorizationRequest, { principal }: Visitor) {
  const { query, resource: { server } } = request
  if (server === undefined) return yield* granted(request, principal)
  const consent = (yield* Ways).of(server)
  if (consent === undefined) return yield* new AnswerClient({ address: addressWith(request, { error: "temporarily_unavailable" }), error: "temporarily_unavailable" })
  const { issuer, subject } = principal
  const isKnown = !isNobody(principal)
  if (isKnown && (yield* Effect.mapError(consent.has(principal), unavailable))) return yield* granted(request, principal)
  return yield* leave(consent, { server, scopes: consent.scopes, authorization: query, ...isKnown && { who: { issuer, subject } } })
})

const ANONYMOUS = "anonymous"
const AGAIN = "manifold_again=1"

/** A browser that nobody has to sign in with still has to be told from others. */
const anonymous = Effect.fnUntraced(function*({ issuer, query }: AuthorizationRequest) {
  if (query.endsWith(AGAIN)) {
    return yield* new Refusal({ status: 400, error: "invalid_request", why: "This browser keeps no cookies", next: "Allow cookies for this address, and begin again at your client" })
  }
  const back = redirectTo(`${issuer}${AUTHORIZE}?${query}&${AGAIN}`)
  return yield* (yield* Browser).enter(back, { issuer: ANONYMOUS, subject: randomText() })
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
export const answered = <R>(route: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal | AnswerClient | StoreFailed, R>) =>
  withPages(Effect.catchTags(route, {
    AnswerClient: ({ address }) => Effect.succeed(redirectTo(address)),
    StoreFailed: (failure) => unavailable(failure)
  }))

const signedIn = Effect.fnUntraced(function*(request: AuthorizationRequest) {
  const rules = (yield* Authentication).rules()
  const isUnasked = rules?.kind === "guarded" && rules.signIn === undefined
  if (isUnasked && request.resource.server !== undefined) return yield* anonymous(request)
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
    return isAsked ? consentAsked(wanted, visitor) : yield* further(wanted, visitor)
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
    const { issuer, subject } = visitor.principal
    yield* recorded({ event: "client_consent", outcome: decision, client: client.id, resource: resource.uri, issuer, subject })
    if (decision === "denied") return redirectTo(addressWith(wanted, { error: "access_denied" }))
    yield* remember(askedOf(wanted, visitor))
    return yield* further(wanted, visitor)
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
