/** Sends a client's request through the router and answers it in the words of the client's era. */
import { Effect, LogLevel, References } from "effect"
import type { Reply } from "../backend/Connection.ts"
import type { Era } from "../backend/Era.ts"
import type { Consents } from "../guard/Consents.ts"
import { Catalogue } from "../catalogue/Catalogue.ts"
import type { Caller, Request } from "../router/Request.ts"
import { incidentOf } from "../router/Incident.ts"
import type { CallFailed } from "../router/CallFailed.ts"
import { Router } from "../router/Router.ts"
import { type Answer, CODE, errorOf, type Exchange, resultOf } from "./Exchange.ts"
import { errorFor, failureFor } from "./Failures.ts"
import { toConsent } from "./ToConsent.ts"
import { downgraded, upgraded } from "./Results.ts"
import { asInputRequired, canOpenUrls, elicitationIdsIn, URL_ELICITATION_REQUIRED } from "./UrlElicitation.ts"

export interface Relayed {
  readonly era: Era
  /** JSON text of the id that the call began with. */
  readonly id: string
  /** The legacy session it belongs to. */
  readonly session?: string
  readonly request: Request
  readonly caller: Caller
  /** Hears the ids of addresses that the client is told to open. */
  readonly elicited?: (ids: ReadonlyArray<string>) => void
  /** Takes the answer, for the id that the client then waits for. */
  readonly answer: Answer
}

/** Answers the request that the call began with. */
export const answerTo = ({ respond }: Pick<Exchange, "respond">, id: string): Answer => (status, body) => respond(status, body(id))

export const relay = ({ answer, caller, elicited, era, id, request, session }: Relayed): Effect.Effect<void, never, Catalogue | Consents | Router> =>
  Effect.flatMap(Router, (router) =>
    Effect.matchEffect(router.call(request, caller), {
      onSuccess: (reply) => {
        if (reply.kind === "error" && reply.error.code === URL_ELICITATION_REQUIRED) elicited?.(elicitationIdsIn(reply.error.raw))
        answered({ reply, era, answer, method: request.method, capabilities: caller.capabilities })
        return Effect.flatMap(References.MinimumLogLevel, (least) =>
          LogLevel.isGreaterThan(least, "Debug") ? Effect.void : Effect.logDebug("answered", { request: id, method: request.method, session }))
      },
      onFailure: (failure): Effect.Effect<void, never, Catalogue | Consents> => {
        if (failure._tag === "ConsentNeeded") return toConsent(failure, { answer, caller, elicited, era, method: request.method })
        const incident = incidentOf(failure)
        const { code, data, message } = failureFor(era, failure, incident)
        answer(200, (id) => errorOf(id, code, message, data))
        return said(failure, { request: id, method: request.method, incident, ...(session === undefined ? {} : { session }) })
      }
    }))

/** A mistake of the caller is of interest to nobody else; what went wrong behind the gateway is. */
const said = (failure: CallFailed, about: Readonly<Record<string, string>>) =>
  Effect.flatMap(Catalogue, (catalogue) => {
    const line = failure._tag === "UnknownName"
      ? Effect.logDebug(failure.message)
      : failure._tag === "AccessDenied" ? Effect.logInfo(failure.message) : Effect.logWarning(failure.message)
    const server = "backend" in failure ? { server: failure.backend } : "server" in failure ? { server: failure.server } : {}
    return Effect.annotateLogs(line, { ...server, ...about, generation: catalogue.current().generation })
  })

interface Answering {
  readonly reply: Reply
  readonly era: Era
  readonly answer: Answer
  readonly method: string
  /** JSON text of what the client can be asked. */
  readonly capabilities: string
}

const answered = ({ answer, capabilities, era, method, reply }: Answering): void => {
  switch (reply.kind) {
    case "result": {
      if (reply.era === era) return answer(200, (id) => resultOf(id, reply.result))
      if (era === "modern") return answer(200, (id) => resultOf(id, ...upgraded(method, reply.result)))
      const fit = downgraded(reply.result)
      return answer(200, (id) => "unfit" in fit ? errorOf(id, CODE.internal, unfit(fit.unfit)) : resultOf(id, ...fit))
    }
    case "error": {
      const asked = era === "modern" && reply.error.code === URL_ELICITATION_REQUIRED ? asInputRequired(reply.error.raw) : undefined
      if (asked !== undefined) return askToOpen(answer, asked, capabilities)
      const own = errorFor(era, reply)
      const status = era === "modern" && own === undefined && reply.error.code === CODE.missingCapability ? 400 : 200
      return answer(status, (id) =>
        own === undefined
          ? [`{"jsonrpc":"2.0","id":${id},"error":${reply.error.raw}}`]
          : errorOf(id, own.code, own.message, own.data))
    }
  }
}

/** With a client that cannot be shown an address there is no way on (2026-07-28, basic/patterns/mrtr). */
const askToOpen = (answer: Answer, asked: string, capabilities: string): void => {
  if (canOpenUrls(capabilities)) return answer(200, (id) => resultOf(id, asked))
  const data = { requiredCapabilities: { elicitation: { url: {} } } }
  return answer(400, (id) => errorOf(id, CODE.missingCapability, "The user has to open an address first, which the client cannot show", data))
}

const unfit = (resultType: string) =>
  resultType === "input_required"
    ? "The server has a question to the user, and the client declared no way to be asked"
    : `The server answered with a result of type "${resultType}", which this protocol revision does not have`
