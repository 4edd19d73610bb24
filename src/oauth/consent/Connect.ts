/**
 * Where a client sends its user to consent: who asks is said on a page, and leaving it takes a form of that
 * page, so that no other site sends a user away. The ticket is spent by leaving.
 */
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { Base } from "../../guard/Base.ts"
import { CONNECT_PATH, Consents } from "../../guard/Consents.ts"
import { Browser } from "../Browser.ts"
import { nameOf } from "../browser/SignOut.ts"
import { formFrom } from "../Form.ts"
import { connectPage } from "../pages/ConnectPage.ts"
import { successPage } from "../pages/DonePages.ts"
import { answerOf } from "../pages/Page.ts"
import { parametersOf, queryOf } from "../Parameters.ts"
import { Refusal, withPages } from "../Refusal.ts"
import { invitationFor, refused, unavailable, visitorFor } from "./Leading.ts"
import { leave, whereTo } from "./Leaving.ts"

export const CONNECTED_PATH = "/oauth/connected"

const signIn = Effect.fnUntraced(function*(returnTo: string) {
  return yield* Effect.mapError((yield* Browser).signIn(returnTo), ({ message, reason }) =>
    new Refusal({ status: 503, error: "temporarily_unavailable", why: message, next: `Ask whoever runs this gateway: ${reason}` }))
})

const ask = HttpRouter.add("GET", CONNECT_PATH, (request) => withPages(Effect.gen(function*() {
  const query = queryOf(request.url)
  const ticket = parametersOf(query).get("ticket") ?? ""
  const { consent, invited } = yield* invitationFor(ticket)
  if (consent.when === "signed_in") return yield* signIn(`${CONNECTED_PATH}?${new URLSearchParams({ ticket })}`)
  const visitor = yield* visitorFor(request, invited)
  if (visitor === undefined) return yield* signIn(`${CONNECT_PATH}?${new URLSearchParams({ ticket })}`)
  const base = (yield* Base).current()
  const { url } = yield* whereTo(consent, { redirectUri: base, scopes: invited.scopes })
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

const go = HttpRouter.add("POST", CONNECT_PATH, (request) => withPages(Effect.gen(function*() {
  const visitor = yield* (yield* Browser).visitor(request)
  if (visitor === undefined) return yield* refused("Nobody is signed in in this browser any more")
  const form = yield* formFrom(request, visitor)
  const ticket = form.get("ticket") ?? ""
  const { consent, invited } = yield* invitationFor(ticket)
  yield* visitorFor(request, invited)
  const { elicitation, issuer, scopes, server, subject } = invited
  const away = yield* leave(consent, { server, scopes, elicitation, who: { issuer, subject } })
  yield* Effect.mapError((yield* Consents).spend(ticket), ({ message }) => unavailable(message))
  return away
})))

export const connect = Layer.mergeAll(ask, signedIn, go)
