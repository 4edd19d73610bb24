/**
 * Where the authorization server of a backend sends a user back to, one address per server. The answer counts
 * only in the browser that left, from the issuer that was asked, at that server's address, for the user who was asked.
 */
import { Effect, Redacted } from "effect"
import type { HttpServerRequest } from "effect/http"
import { HttpRouter } from "effect/http"
import { returnAddressOf } from "../../guard/Base.ts"
import { Consents } from "../../guard/Consents.ts"
import type { Arrived, Principal } from "../../plugin/Auth.ts"
import { type Attempt, taken } from "../browser/Attempts.ts"
import { back, codeIn, isFrom } from "../browser/Callback.ts"
import { withoutCookie } from "../browser/Cookies.ts"
import { successPage } from "../pages/DonePages.ts"
import { answerOf } from "../pages/Page.ts"
import { Refusal, withPages } from "../Refusal.ts"
import { answered, consentFailed, grantedTo } from "../server/Authorize.ts"
import { type Led, ledFrom, refused, unavailable, visitorFor } from "./Leading.ts"

/** The user who was asked, who has to be there still; nothing where the answer says who it is. */
const askedUser = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, { who }: Led) {
  if (who === undefined) return undefined
  const visitor = yield* visitorFor(request, who)
  return visitor === undefined ? yield* refused("Nobody is signed in in this browser any more") : visitor.principal
})

const finished = Effect.fnUntraced(function*(server: string, arrived: Arrived) {
  const consent = (yield* Consents).of(server)
  if (consent === undefined) return yield* refused(`The server ${server} does not ask for consent any more`)
  return yield* consent.finish(arrived).pipe(Effect.mapError(({ reason }) => new Refusal({
    status: 400,
    error: "invalid_grant",
    why: "The authorization server did not give what you consented to",
    next: "Call the server again from your client, and try once more",
    detail: reason
  })))
})

const arrivedWith = (code: string, { codeVerifier, nonce }: Attempt, { scopes }: Led, redirectUri: string, principal: Principal | undefined): Arrived =>
  ({ principal, code: Redacted.make(code), codeVerifier: Redacted.make(codeVerifier), redirectUri, nonce, scopes })

/** @param callbackPath the address of a server is this with its name behind it */
export const consented = (callbackPath: string) =>
  HttpRouter.add("GET", `/${callbackPath.slice(1)}/:server`, (request) => withPages(answered(Effect.gen(function*() {
    const { server = "" } = yield* HttpRouter.params
    const { answer, attempt, base, cookie, state } = yield* back(request)
    const led = ledFrom(attempt.about)
    if (led === undefined || led.server !== server) return yield* refused("This answer is for another server")
    if (!isFrom(led, attempt, answer.get("iss"))) return yield* refused("The answer is from another authorization server than the one that was asked")
    const user = yield* askedUser(request, led)
    if (!(yield* Effect.mapError(taken(state), ({ message }) => unavailable(message)))) return yield* refused("This answer was used already")
    const { authorization } = led
    const reached = Effect.flatMap(codeIn(answer), (code) =>
      finished(server, arrivedWith(code, attempt, led, returnAddressOf(base, callbackPath, server), user)))
    const principal = yield* authorization === undefined ? reached : Effect.catch(reached, (refusal) => consentFailed(authorization, refusal))
    const { issuer, subject } = principal
    yield* Effect.logInfo("a user consented", { server, issuer, subject })
    ;(yield* Consents).granted({ server, issuer, subject, scopes: led.scopes, elicitation: led.elicitation ?? "" })
    const done = authorization === undefined
      ? answerOf(successPage(`The server ${server} is connected`))
      : yield* grantedTo(authorization, principal)
    return withoutCookie(done, base, cookie)
  }))))
