/**
 * Where a client sends its user to consent: who asks is said on a page, and leaving it takes a form of that
 * page, so that no other site sends a user away. The ticket is spent by leaving.
 */
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { Base, returnAddressOf } from "../../guard/Base.ts"
import { CONNECT_PATH, Consents } from "../../guard/Consents.ts"
import type { Consent } from "../../plugin/Auth.ts"
import { Browser } from "../Browser.ts"
import { ATTEMPT_SECONDS, begin, cookieFor } from "../browser/Attempts.ts"
import { cookieName, withCookie } from "../browser/Cookies.ts"
import { challengeOf } from "../browser/SigningIn.ts"
import { nameOf } from "../browser/SignOut.ts"
import { formFrom } from "../Form.ts"
import { connectPage } from "../pages/ConnectPage.ts"
import { successPage } from "../pages/DonePages.ts"
import { answerOf, redirectTo } from "../pages/Page.ts"
import { parametersOf, queryOf } from "../Parameters.ts"
import { Refusal, withPages } from "../Refusal.ts"
import { invitationFor, refused, textOf, unavailable, visitorFor } from "./Leading.ts"

export const CONNECTED_PATH = "/oauth/connected"

const signIn = Effect.fnUntraced(function*(returnTo: string) {
  return yield* Effect.mapError((yield* Browser).signIn(returnTo), ({ message, reason }) =>
    new Refusal({ status: 503, error: "temporarily_unavailable", why: message, next: `Ask whoever runs this gateway: ${reason}` }))
})

const whereTo = (consent: Consent, leaving: Parameters<Consent["begin"]>[0]) =>
  Effect.mapError(consent.begin(leaving), ({ reason }) => unavailable(reason))

const ask = HttpRouter.add("GET", CONNECT_PATH, (request) => withPages(Effect.gen(function*() {
  const query = queryOf(request.url)
  const ticket = parametersOf(query).get("ticket") ?? ""
  const { consent, invited } = yield* invitationFor(ticket)
  if (consent.when === "signed_in") return yield* signIn(`${CONNECTED_PATH}?${new URLSearchParams({ ticket })}`)
  const visitor = yield* visitorFor(request, invited)
  if (visitor === undefined) return yield* signIn(`${CONNECT_PATH}?${new URLSearchParams({ ticket })}`)
  const base = (yield* Base).current()
  // Only to say where it leads; whoever leaves takes values of their own along.
  const { url } = yield* whereTo(consent, { state: "", codeChallenge: "", nonce: "", redirectUri: base, scopes: invited.scopes })
  return answerOf(connectPage({
    server: invited.server,
    name: nameOf(visitor),
    at: new URL(url),
    scopes: invited.scopes,
    action: `${base}${CONNECT_PATH}`,
    ticket,
    formToken: visitor.formToken
  }))
})))

/** Where a user comes back to who had only to sign in. */
const signedIn = HttpRouter.add("GET", CONNECTED_PATH, (request) => withPages(Effect.gen(function*() {
  const consents = yield* Consents
  const ticket = parametersOf(queryOf(request.url)).get("ticket") ?? ""
  const { consent, invited } = yield* invitationFor(ticket)
  const visitor = yield* visitorFor(request, invited)
  if (visitor === undefined || consent.when !== "signed_in") return yield* refused("Nobody is signed in in this browser any more")
  yield* Effect.mapError(consents.spend(ticket), ({ message }) => unavailable(message))
  consents.granted(invited)
  return answerOf(successPage(`You are signed in, and the server ${invited.server} is connected`))
})))

/** @param callbackPath where authorization servers send users back to, with the name of the server behind it */
export const connect = (callbackPath: string) =>
  Layer.mergeAll(ask, signedIn, HttpRouter.add("POST", CONNECT_PATH, (request) => withPages(Effect.gen(function*() {
    const visitor = yield* (yield* Browser).visitor(request)
    if (visitor === undefined) return yield* refused("Nobody is signed in in this browser any more")
    const form = yield* formFrom(request, visitor)
    const ticket = form.get("ticket") ?? ""
    const { consent, invited } = yield* invitationFor(ticket)
    yield* visitorFor(request, invited)
    const base = (yield* Base).current()
    const redirectUri = returnAddressOf(base, callbackPath, invited.server)
    const probe = yield* whereTo(consent, { state: "", codeChallenge: "", nonce: "", redirectUri, scopes: invited.scopes })
    const about = textOf({ ...invited, isIssuerInResponse: probe.isIssuerInResponse })
    const began = yield* Effect.mapError(begin(probe.issuer, "", about), ({ message }) => unavailable(message))
    const { url } = yield* whereTo(consent, {
      state: began.state,
      codeChallenge: yield* challengeOf(began.attempt.codeVerifier),
      nonce: began.attempt.nonce,
      redirectUri,
      scopes: invited.scopes
    })
    yield* Effect.mapError((yield* Consents).spend(ticket), ({ message }) => unavailable(message))
    return withCookie(redirectTo(url), { base, name: cookieName(base, yield* cookieFor(began.state)), value: began.browser, seconds: ATTEMPT_SECONDS })
  }))))
