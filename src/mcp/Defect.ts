/** The last resort of the fronts: a request that ended by a defect of the gateway is logged, and still answered. */
import { Cause, Effect, type Exit } from "effect"
import { CODE, errorOf, type Exchange } from "./Exchange.ts"

/**
 * Called with how the fiber of a request ended; an interruption is no defect.
 * @param log runs an effect beside the request
 * @param id JSON text; unset for what has no answer
 */
export const answerDefect = (
  exit: Exit.Exit<unknown, unknown>,
  { exchange, id, log }: {
    readonly exchange: Exchange
    readonly id: string | undefined
    readonly log: (line: Effect.Effect<void>) => unknown
  }
): void => {
  if (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause)) return
  log(Effect.logError("A request failed by a defect of the gateway", exit.cause))
  if (id !== undefined) exchange.respond(500, errorOf(id, CODE.internal, "Internal error of the gateway"))
}
