/** Sends a client's request through the router and answers it in the words of the client's era. */
import { Effect } from "effect"
import type { Answer } from "../backend/Connection.ts"
import type { Era } from "../backend/Era.ts"
import { type Caller, type Request } from "../router/Request.ts"
import { Router } from "../router/Router.ts"
import { CODE, errorOf, type Exchange, resultOf } from "./Exchange.ts"
import { errorFor, failureFor } from "./Failures.ts"
import { downgraded, upgraded } from "./Results.ts"

export interface Relayed {
  readonly era: Era
  readonly id: string
  readonly request: Request
  readonly caller: Caller
  readonly exchange: Exchange
}

export const relay = ({ caller, era, exchange, id, request }: Relayed): Effect.Effect<void, never, Router> =>
  Effect.flatMap(Router, (router) =>
    Effect.match(router.call(request, caller), {
      onSuccess: (answer) => answered({ answer, era, exchange, id, method: request.method }),
      onFailure: (failure) => {
        const { code, data, message } = failureFor(era, failure)
        exchange.respond(200, errorOf(id, code, message, data))
      }
    }))

interface Answering {
  readonly answer: Answer
  readonly era: Era
  readonly exchange: Exchange
  readonly id: string
  readonly method: string
}

const answered = ({ answer, era, exchange, id, method }: Answering): void => {
  switch (answer.kind) {
    case "result": {
      if (answer.era === era) return exchange.respond(200, resultOf(id, answer.result))
      if (era === "modern") return exchange.respond(200, resultOf(id, ...upgraded(method, answer.result)))
      const fit = downgraded(answer.result)
      return exchange.respond(200, "unfit" in fit ? errorOf(id, CODE.internal, unfit(fit.unfit)) : resultOf(id, ...fit))
    }
    case "error": {
      const own = errorFor(era, answer.error)
      const status = era === "modern" && answer.error.code === CODE.missingCapability ? 400 : 200
      return exchange.respond(
        status,
        own === undefined
          ? [`{"jsonrpc":"2.0","id":${id},"error":${answer.error.raw}}`]
          : errorOf(id, own.code, own.message, own.data)
      )
    }
    case "failed":
      return exchange.respond(200, errorOf(id, CODE.internal, `The server ${answer.failure.detail}`, { reason: answer.failure.kind }))
  }
}

const unfit = (resultType: string) =>
  resultType === "input_required"
    ? "The server has a question to the user, which cannot be bridged to this protocol revision yet"
    : `The server answered with a result of type "${resultType}", which this protocol revision does not have`
