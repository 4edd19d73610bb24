/** Sends a browser to the authorization server of a backend, with what its answer will be known by. */
import { Effect } from "effect"
import { Base, returnAddressOf } from "../../guard/Base.ts"
import { CallbackPath } from "../CallbackPath.ts"
import type { Consent, Leaving } from "../../plugin/Auth.ts"
import { ATTEMPT_SECONDS, begin, cookieFor } from "../browser/Attempts.ts"
import { cookieName, withCookie } from "../browser/Cookies.ts"
import { challengeOf } from "../browser/SigningIn.ts"
import { redirectTo } from "../pages/Page.ts"
import { type Led, textOf, unavailable } from "./Leading.ts"

/** Where it would lead; whoever really leaves takes values of their own along. */
export const whereTo = (consent: Consent, leaving: Pick<Leaving, "redirectUri" | "scopes"> & Partial<Leaving>) =>
  Effect.mapError(consent.begin({ state: "", codeChallenge: "", nonce: "", ...leaving }), ({ reason }) => unavailable(reason))

export const leave = Effect.fnUntraced(function*(consent: Consent, led: Omit<Led, "isIssuerInResponse">) {
  const base = (yield* Base).current()
  const { scopes, server } = led
  const redirectUri = returnAddressOf(base, yield* CallbackPath, server)
  const { isIssuerInResponse, issuer } = yield* whereTo(consent, { redirectUri, scopes })
  const began = yield* Effect.mapError(begin(issuer, "", textOf({ ...led, isIssuerInResponse })), ({ message }) => unavailable(message))
  const { codeVerifier, nonce } = began.attempt
  const { url } = yield* whereTo(consent, { state: began.state, codeChallenge: yield* challengeOf(codeVerifier), nonce, redirectUri, scopes })
  return withCookie(redirectTo(url), { base, name: cookieName(base, yield* cookieFor(began.state)), value: began.browser, seconds: ATTEMPT_SECONDS })
})
