/**
 * Where an issuer sends a browser back to. Nothing of the answer is used or shown before it is known to be
 * for this browser and from the issuer that was asked (RFC 9207); what an error says in words, never.
 */
import { Effect, Redacted } from "effect"
import { HttpRouter, type HttpServerRequest } from "effect/http"
import { Authentication } from "../../guard/Authentication.ts"
import { Base } from "../../guard/Base.ts"
import type { AuthorizationServer, SignedIn } from "../../plugin/Provider.ts"
import { Browser } from "../Browser.ts"
import { redirectTo } from "../pages/Page.ts"
import { type Parameters, parametersOf, queryOf } from "../Parameters.ts"
import { recorded } from "../Recorded.ts"
import { Refusal, withPages } from "../Refusal.ts"
import { keepSignIn } from "../../vault/SignIns.ts"
import { type Attempt, attemptOf, cookieFor, taken } from "./Attempts.ts"
import { cookieName, cookieOf, withoutCookie } from "./Cookies.ts"
import { signInPlace, type SignInPlace } from "./SignInPlace.ts"

const AGAIN = "Begin again at your client, in this browser"

export const refused = (error: string, why: string, detail?: string) =>
  new Refusal({ status: 400, error, why, next: AGAIN, ...(detail === undefined ? {} : { detail }) })

export const unavailable = (detail: string) =>
  new Refusal({ status: 503, error: "temporarily_unavailable", why: "The sign-in could not be finished now", next: "Try again in a moment", detail })

/** RFC 9207, 2.4: byte for byte, and needed where the issuer says that it sends it. */
export const isFrom = ({ isIssuerInResponse }: Pick<AuthorizationServer, "isIssuerInResponse">, { issuer }: Pick<Attempt, "issuer">, said: string | undefined): boolean =>
  said === undefined ? !isIssuerInResponse : said === issuer

export const codeIn = (answer: Parameters): Effect.Effect<string, Refusal> => {
  const error = answer.get("error")
  // Only the registered words are repeated, also in the log.
  const word = error !== undefined && /^[a-z_]{1,40}$/u.test(error) ? error : "invalid_request"
  if (error !== undefined) return refused(word, word === "access_denied" ? "The sign-in was not allowed" : "The issuer could not sign you in")
  const code = answer.get("code")
  return code === undefined ? refused("invalid_request", "The issuer sent no code") : Effect.succeed(code)
}

/** The answer, with the attempt that it belongs to in this browser. */
export const back = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
  const base = (yield* Base).current()
  const answer = parametersOf(queryOf(request.url))
  const state = answer.get("state")
  if (state === undefined || answer.repeated.length > 0) return yield* refused("invalid_request", "This is no answer to a sign-in")
  const cookie = cookieName(base, yield* cookieFor(state))
  const attempt = yield* Effect.mapError(attemptOf(state, cookieOf(request, cookie)), ({ message }) => unavailable(message))
  if (attempt === undefined) return yield* refused("invalid_request", "This sign-in was not begun in this browser, was used already, or took longer than ten minutes")
  return { answer, attempt, base, cookie, state }
})

const placeFor = Effect.fnUntraced(function*(attempt: Attempt) {
  // One that was begun for a server comes back at that server's address.
  if (attempt.about !== undefined) return yield* refused("invalid_request", "This is no answer to a sign-in")
  const place = yield* Effect.mapError(signInPlace((yield* Authentication).rules()), ({ message }) => unavailable(message))
  return place.issuer === attempt.issuer ? place : yield* refused("invalid_request", "Sign-in has moved elsewhere meanwhile")
})

const signedInWith = (place: SignInPlace, { codeVerifier, nonce }: Attempt, code: string, redirectUri: string): Effect.Effect<SignedIn, Refusal> =>
  place.client.redeem({ code: Redacted.make(code), codeVerifier: Redacted.make(codeVerifier), redirectUri, nonce }).pipe(
    Effect.catchTags({
      TokenRefused: ({ message }) => refused("invalid_grant", "The sign-in does not count", message),
      ProviderUnavailable: ({ message }) => unavailable(message)
    })
  )

export const callback = (path: `/${string}`) =>
  HttpRouter.add("GET", path, (request) => withPages(Effect.gen(function*() {
    const { answer, attempt, base, cookie, state } = yield* back(request)
    const place = yield* placeFor(attempt)
    const metadata = yield* Effect.mapError(place.metadata, ({ message }) => unavailable(message))
    if (!isFrom(metadata, attempt, answer.get("iss"))) return yield* refused("invalid_issuer", "The answer is from another issuer than the one that was asked")
    if (!(yield* Effect.mapError(taken(state), ({ message }) => unavailable(message)))) return yield* refused("invalid_request", "This sign-in was used already")
    const code = yield* codeIn(answer)
    const signedIn = yield* signedInWith(place, attempt, code, `${base}${path}`)
    const principal = place.principalOf(signedIn.identity)
    yield* Effect.catch(keepSignIn(principal, signedIn), ({ message }) => Effect.logWarning(`What a sign-in gave could not be kept: ${message}`))
    yield* Effect.logInfo("A user signed in with a browser", { issuer: principal.issuer, subject: principal.subject })
    yield* recorded({ event: "sign_in", outcome: "allowed", issuer: principal.issuer, subject: principal.subject })
    const entered = yield* (yield* Browser).enter(redirectTo(base + attempt.returnTo), principal)
    return withoutCookie(entered, base, cookie)
  })))
