/** JSON-RPC batches, which revision 2025-03-26 alone has: each message for itself, the answers on one stream. */
import { Effect } from "effect"
import { CODE, errorOf, type Exchange } from "../Exchange.ts"
import type { Inbound } from "../Inbound.ts"
import * as Legacy from "./Legacy.ts"
import type { Session } from "../Sessions.ts"

const BATCHES = "2025-03-26"

export const inBatch = Effect.fnUntraced(function*(items: ReadonlyArray<Inbound>, exchange: Exchange, session: Session) {
  if (session.version !== BATCHES) {
    return exchange.respond(400, errorOf("null", CODE.invalidRequest, `Batches are part of revision ${BATCHES} alone`))
  }
  if (items.some((item) => item.kind === "message" && item.message.id !== undefined)) exchange.stream()
  yield* Effect.forEach(items, (item) => one(item, { ...exchange, respond: (_, body) => exchange.send(body.join("")), end: () => {} }, session), {
    concurrency: "unbounded",
    discard: true
  })
  return exchange.end(202)
})

const one = (item: Inbound, exchange: Exchange, session: Session) => {
  switch (item.kind) {
    case "message":
      return item.message.method === "initialize"
        ? Effect.sync(() => exchange.respond(200, errorOf(item.message.id ?? "null", CODE.invalidRequest, "initialize stands alone")))
        : Legacy.handle(item.message, exchange, session)
    case "response":
      return Effect.sync(() => Legacy.answered(session, item.id, item.member))
    case "invalid":
      return Effect.sync(() => exchange.respond(200, errorOf(item.id, item.code, item.reason)))
    case "batch":
      return Effect.sync(() => exchange.respond(200, errorOf("null", CODE.invalidRequest, "A batch holds no batch")))
  }
}
