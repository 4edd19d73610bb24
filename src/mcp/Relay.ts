/** Sends a client's request through the router and answers it in the words of the client's era. */
import { Effect, LogLevel, References } from "effect"
import type { Reply } from "../backend/Connection.ts"
import type { Era } from "../backend/Era.ts"
import { Catalogue } from "../catalogue/Catalogue.ts"
import type { Caller, Request } from "../router/Request.ts"
import { type CallFailed, Router } from "../router/Router.ts"
import { CODE, errorOf, type Exchange, resultOf } from "./Exchange.ts"
import { errorFor, failureFor } from "./Failures.ts"
import { downgraded, upgraded } from "./Results.ts"

export interface Relayed {
  readonly era: Era
  /** JSON text of the id that the client waits for, when the answer is there. */
  readonly id: () => string
  /** The legacy session it belongs to. */
  readonly session?: string
  readonly request: Request
  readonly caller: Caller
  readonly exchange: Exchange
}

export const relay = ({ caller, era, exchange, id, request, session }: Relayed): Effect.Effect<void, never, Catalogue | Router> =>
  Effect.flatMap(Router, (router) =>
    Effect.matchEffect(router.call(request, caller), {
      onSuccess: (reply) => {
        answered({ reply, era, exchange, id: id(), method: request.method })
        return Effect.flatMap(References.MinimumLogLevel, (least) =>
          LogLevel.isGreaterThan(least, "Debug") ? Effect.void : Effect.logDebug("answered", { request: id(), method: request.method, session }))
      },
      onFailure: (failure) => {
        const incident = crypto.randomUUID().slice(0, 8)
        const { code, data, message } = failureFor(era, failure, incident)
        exchange.respond(200, errorOf(id(), code, message, data))
        return said(failure, { request: id(), method: request.method, incident, ...(session === undefined ? {} : { session }) })
      }
    }))

/** A mistake of the caller is of interest to nobody else; what went wrong behind the gateway is. */
const said = (failure: CallFailed, about: Readonly<Record<string, string>>) =>
  Effect.flatMap(Catalogue, (catalogue) => {
    const line = failure._tag === "UnknownName" ? Effect.logDebug(failure.message) : Effect.logWarning(failure.message)
    const server = "backend" in failure ? { server: failure.backend } : "server" in failure ? { server: failure.server } : {}
    return Effect.annotateLogs(line, { ...server, ...about, generation: catalogue.current().generation })
  })

interface Answering {
  readonly reply: Reply
  readonly era: Era
  readonly exchange: Exchange
  readonly id: string
  readonly method: string
}

const answered = ({ reply, era, exchange, id, method }: Answering): void => {
  switch (reply.kind) {
    case "result": {
      if (reply.era === era) return exchange.respond(200, resultOf(id, reply.result))
      if (era === "modern") return exchange.respond(200, resultOf(id, ...upgraded(method, reply.result)))
      const fit = downgraded(reply.result)
      return exchange.respond(200, "unfit" in fit ? errorOf(id, CODE.internal, unfit(fit.unfit)) : resultOf(id, ...fit))
    }
    case "error": {
      const own = errorFor(era, reply.error)
      const status = era === "modern" && reply.error.code === CODE.missingCapability ? 400 : 200
      return exchange.respond(
        status,
        own === undefined
          ? [`{"jsonrpc":"2.0","id":${id},"error":${reply.error.raw}}`]
          : errorOf(id, own.code, own.message, own.data)
      )
    }
  }
}

const unfit = (resultType: string) =>
  resultType === "input_required"
    ? "The server has a question to the user, and the client declared no way to be asked"
    : `The server answered with a result of type "${resultType}", which this protocol revision does not have`
