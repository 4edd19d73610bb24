/**
 * The service `Browser`: who a browser is signed in as, and the way to the issuer. The issuer must know
 * `<base><callback_path>` as a return address of the gateway's client.
 */
import { Clock, Effect, Layer } from "effect"
import { Base64Url } from "effect/encoding"
import type { HttpServerResponse } from "effect/http"
import { Authentication, LOCAL } from "../../guard/Authentication.ts"
import { Base } from "../../guard/Base.ts"
import { Failures } from "../../guard/Failures.ts"
import { utf8 } from "../../lib/Utf8.ts"
import type { Principal } from "../../plugin/Auth.ts"
import { Vault } from "../../vault/Vault.ts"
import { Browser, SignInUnavailable } from "../Browser.ts"
import { redirectTo } from "../pages/Page.ts"
import { randomText } from "../Random.ts"
import { Refusal, shown } from "../Refusal.ts"
import { ATTEMPT_SECONDS, begin as beginAttempt, type Began, cookieFor } from "./Attempts.ts"
import { cookieName, cookieOf, withCookie } from "./Cookies.ts"
import { begin as beginSession, SESSION_SECONDS, sessionOf } from "./Sessions.ts"
import { signInPlace, type SignInPlace } from "./SignInPlace.ts"

export const SESSION = "session"

/** Sign-ins that may begin within a minute: each leaves a row for ten. */
const MOST = 1000

/** @param callbackPath where issuers send browsers back to */
export const browserLayer = (callbackPath: string) =>
  Layer.effect(Browser, Effect.gen(function*() {
    const authentication = yield* Authentication
    const base = yield* Base
    const vault = yield* Vault
    const starts = new Failures(MOST)
    /** On loopback without sign-in all browsers are one user's; other pages cannot read this one. */
    const localToken = randomText()
    const kept = Effect.provideService(Vault, vault)

    const visitor: Browser["Service"]["visitor"] = Effect.fnUntraced(function*(request) {
      const rules = authentication.rules()
      if (rules?.kind === "local") return { principal: LOCAL, formToken: localToken }
      const id = cookieOf(request, cookieName(base.current(), SESSION))
      const session = id === undefined ? undefined : yield* sessionOf(id).pipe(kept, Effect.catch((failure) => Effect.as(Effect.logWarning(failure.message), undefined)))
      if (session === undefined) return undefined
      const place = yield* Effect.option(signInPlace(rules))
      if (place._tag === "Some" && place.value.issuer !== session.by) return undefined
      const { claims, formToken, issuer, subject } = session
      return { principal: { issuer, subject, ...(claims === undefined ? {} : { claims }) }, formToken }
    })

    const signIn: Browser["Service"]["signIn"] = Effect.fn("Browser.signIn")(function*(returnTo) {
      const rules = authentication.rules()
      const current = base.current()
      if (!isOurs(returnTo, current)) return yield* new SignInUnavailable({ reason: "the way back is no path of this gateway" })
      if (rules?.kind === "local") return redirectTo(current + returnTo)
      const place = yield* signInPlace(rules)
      const now = yield* Clock.currentTimeMillis
      if (starts.waitOf("all", now) > 0) return yield* new SignInUnavailable({ reason: "too many sign-ins are on their way; try again in a minute" })
      starts.count("all", now)
      const began = yield* beginAttempt(place.issuer, returnTo).pipe(kept, Effect.mapError(({ message }) => new SignInUnavailable({ reason: message })))
      const address = yield* addressAt(place, began, current + callbackPath)
      const name = cookieName(current, yield* cookieFor(began.state))
      return withCookie(redirectTo(address), { base: current, name, value: began.browser, seconds: ATTEMPT_SECONDS })
    })

    const enter = Effect.fn("Browser.enter")(function*(response: HttpServerResponse.HttpServerResponse, principal: Principal) {
      const place = yield* Effect.option(signInPlace(authentication.rules()))
      const by = place._tag === "Some" ? place.value.issuer : principal.issuer
      const begun = yield* Effect.result(kept(beginSession(principal, by)))
      if (begun._tag === "Failure") return yield* shown(cannotKeep(begun.failure.message))
      const current = base.current()
      return withCookie(response, { base: current, name: cookieName(current, SESSION), value: begun.success, seconds: SESSION_SECONDS })
    })

    return Browser.of({ visitor, signIn, enter })
  }))

const cannotKeep = (detail: string) =>
  new Refusal({ status: 503, error: "temporarily_unavailable", why: "The gateway cannot sign anybody in now", next: "Try again in a moment", detail })

/** One path of ours with its query: what begins another host, or what a browser would read as one, is none. */
export const isOurs = (path: string, base: string): boolean =>
  /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/u.test(path) && URL.canParse(path, base) && new URL(path, base).origin === new URL(base).origin

/** RFC 7636, 4.2. */
export const challengeOf = (verifier: string) =>
  Effect.map(Effect.promise(() => crypto.subtle.digest("SHA-256", utf8.to(verifier))), (bytes) => Base64Url.encode(new Uint8Array(bytes)))

const addressAt = Effect.fnUntraced(function*({ client, issuer, metadata }: SignInPlace, { attempt, state }: Began, callback: string) {
  const { authorizationEndpoint } = yield* Effect.catchTag(metadata, "ProviderUnavailable", (failure) =>
    Effect.andThen(Effect.logWarning(failure.message), new SignInUnavailable({ reason: `the issuer ${issuer} does not answer` })))
  if (authorizationEndpoint === undefined) return yield* new SignInUnavailable({ reason: `the issuer ${issuer} has no authorization endpoint` })
  const address = new URL(authorizationEndpoint)
  const parameters = {
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: callback,
    scope: client.scopes.join(" "),
    state,
    nonce: attempt.nonce,
    code_challenge: yield* challengeOf(attempt.codeVerifier),
    code_challenge_method: "S256"
  }
  for (const [name, value] of Object.entries(parameters)) if (value !== "") address.searchParams.set(name, value)
  return address.href
})
