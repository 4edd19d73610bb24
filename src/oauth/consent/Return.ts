/**
 * Where the authorization server of a backend sends a user back to, one address per server. The answer counts
 * only in the browser that left, from the issuer that was asked, at that server's address, for the user who was asked.
 */
import { Effect, Redacted } from "effect"
import { HttpRouter } from "effect/http"
import { returnAddressOf } from "../../guard/Base.ts"
import { Consents } from "../../guard/Consents.ts"
import { taken } from "../browser/Attempts.ts"
import { back, codeIn, isFrom } from "../browser/Callback.ts"
import { withoutCookie } from "../browser/Cookies.ts"
import { successPage } from "../pages/DonePages.ts"
import { answerOf } from "../pages/Page.ts"
import { Refusal, withPages } from "../Refusal.ts"
import { ledFrom, refused, unavailable, visitorFor } from "./Leading.ts"

/** @param callbackPath the address of a server is this with its name behind it */
export const consented = (callbackPath: string) =>
  HttpRouter.add("GET", `/${callbackPath.slice(1)}/:server`, (request) => withPages(Effect.gen(function*() {
    const { server = "" } = yield* HttpRouter.params
    const { answer, attempt, base, cookie, state } = yield* back(request)
    const led = ledFrom(attempt.about)
    if (led === undefined || led.server !== server) return yield* refused("This answer is for another server")
    if (!isFrom(led, attempt, answer.get("iss"))) return yield* refused("The answer is from another authorization server than the one that was asked")
    const visitor = yield* visitorFor(request, led)
    if (visitor === undefined) return yield* refused("Nobody is signed in in this browser any more")
    if (!(yield* Effect.mapError(taken(state), ({ message }) => unavailable(message)))) return yield* refused("This answer was used already")
    const code = yield* codeIn(answer)
    const consents = yield* Consents
    const consent = consents.of(server)
    if (consent === undefined) return yield* refused(`The server ${server} does not ask for consent any more`)
    yield* consent.finish({
      principal: visitor.principal,
      code: Redacted.make(code),
      codeVerifier: Redacted.make(attempt.codeVerifier),
      redirectUri: returnAddressOf(base, callbackPath, server),
      nonce: attempt.nonce,
      scopes: led.scopes
    }).pipe(Effect.mapError(({ reason }) => new Refusal({
      status: 400,
      error: "invalid_grant",
      why: "The authorization server did not give what you consented to",
      next: "Call the server again from your client, and try once more",
      detail: reason
    })))
    yield* Effect.logInfo("a user consented", { server, issuer: led.issuer, subject: led.subject })
    consents.granted(led)
    return withoutCookie(answerOf(successPage(`The server ${server} is connected`)), base, cookie)
  })))
