/** A browser that signs in at the routes of `oauth.ts`, step by step. */
import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { Authentication } from "../../src/guard/Authentication.ts"
import { Base } from "../../src/guard/Base.ts"
import { Browser } from "../../src/oauth/Browser.ts"
import type { Returned } from "../../src/plugin/Provider.ts"
import { browserAt, CALLBACK, clientFor, ISSUER, rulesWith, type Visit } from "./oauth.ts"

export const BASE = "https://gw.example.com"

/** A gateway, and browsers at it. */
export const gateway = Effect.fnUntraced(function*(base = BASE, asked: Array<Returned> = []) {
  const authentication = yield* Authentication
  const browser = yield* Browser
  ;(yield* Base).become(base)
  authentication.apply(rulesWith(clientFor(ISSUER, asked)))
  const newBrowser = yield* browserAt(base)
  return { authentication, browser, newBrowser }
})

/** Sends a browser to the issuer, as a route does that needs to know who is there. */
export const sentAway = Effect.fnUntraced(function*({ cookies }: Visit, returnTo = "/oauth/sign-out") {
  const response = HttpServerResponse.toWeb(yield* (yield* Browser).signIn(returnTo))
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(cookie) ?? []
    cookies.set(name, value)
  }
  return { response, address: new URL(response.headers.get("location") ?? "") }
})

export const answerTo = (address: URL, more: Record<string, string> = {}) =>
  `${CALLBACK}?${new URLSearchParams({ state: address.searchParams.get("state") ?? "", code: "code of ada", iss: ISSUER, ...more })}`

export const visitorOf = Effect.fnUntraced(function*({ cookies }: Visit) {
  const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") }
  return yield* (yield* Browser).visitor(HttpServerRequest.fromWeb(new Request(BASE, { headers })))
})

export const signedIn = Effect.fnUntraced(function*(visit: Visit, user = "ada") {
  const { address } = yield* sentAway(visit)
  return yield* visit.get(answerTo(address, { code: `code of ${user}` }))
})
