/**
 * Tells a client what its user has to open before a call can go on: by URL elicitation where the client can
 * show an address, else as a text that a model or a person can read. The address says nothing of the user.
 */
import { Effect } from "effect"
import type { Era } from "../backend/Era.ts"
import { Consents } from "../guard/Consents.ts"
import { isMachine } from "../guard/Machines.ts"
import type { ConsentNeeded } from "../plugin/Auth.ts"
import type { Caller } from "../router/Request.ts"
import { type Answer, CODE, errorOf, resultOf } from "./Exchange.ts"
import { canOpenUrls, inputRequired, URL_ELICITATION_REQUIRED } from "./UrlElicitation.ts"

interface Telling {
  readonly answer: Answer
  readonly caller: Caller
  readonly elicited: ((ids: ReadonlyArray<string>) => void) | undefined
  readonly era: Era
  readonly method: string
}

export const toConsent = Effect.fnUntraced(function*(
  { scopes, server }: ConsentNeeded,
  { answer, caller, elicited, era, method }: Telling
): Effect.fn.Return<void, never, Consents> {
  const consents = yield* Consents
  const { principal } = caller
  if (isMachine(principal)) {
    const message = `Server "${server}" needs the consent of a user, and a machine has none: sign in as a user`
    return answer(200, (id) => errorOf(id, CODE.internal, message, { server, reason: "consent" }))
  }
  const offered = consents.of(server)
  if (offered === undefined) {
    const message = `Server "${server}" needs your consent, and its auth strategy has no way to it`
    return answer(200, (id) => errorOf(id, CODE.internal, message, { server, reason: "consent" }))
  }
  if (caller.server === server && offered.when === "authorized") {
    // The next request hears that it has to authorize anew, and consent is a part of that.
    consents.lapsed({ server, principal })
    const message = `What you granted to server "${server}" counts no more: authorize your client anew`
    return answer(200, (id) => errorOf(id, CODE.internal, message, { server, reason: "consent" }))
  }
  const invitation = yield* Effect.option(consents.invite({ server, scopes, principal }))
  if (invitation._tag === "None") {
    const message = `Server "${server}" needs your consent, and the way to it cannot be kept now; try again`
    return answer(200, (id) => errorOf(id, CODE.internal, message, { server, reason: "consent" }))
  }
  const { elicitation, url } = invitation.value
  yield* Effect.logInfo(`a user is asked to consent to ${scopes.join(" ") || "what it does"}`, { server })
  const message = `Server "${server}" needs your consent. Open the address, and then call again.`
  if (canOpenUrls(caller.capabilities)) {
    if (era === "modern") return answer(200, (id) => resultOf(id, inputRequired([{ message, url }])))
    elicited?.([elicitation])
    const data = { elicitations: [{ mode: "url", elicitationId: elicitation, url, message }] }
    return answer(200, (id) => errorOf(id, URL_ELICITATION_REQUIRED, message, data))
  }
  const text = `${message} ${url}`
  if (method === "tools/call") {
    const result = { content: [{ type: "text", text }], isError: true, ...(era === "modern" ? { resultType: "complete" } : {}) }
    return answer(200, (id) => resultOf(id, JSON.stringify(result)))
  }
  return answer(200, (id) => errorOf(id, CODE.internal, text, { server, reason: "consent", url }))
})
