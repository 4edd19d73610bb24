/**
 * Streamable HTTP for every revision at one path, on `node:http` itself. Body first,
 * within limits; then the message decides its era; then one fiber answers it.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Context, Effect, type Fiber } from "effect"
import { admitPost, type Refused } from "./Admission.node.ts"
import type { Running } from "./Channel.ts"
import { answerDefect } from "./Defect.ts"
import { CODE, errorOf, type Exchange } from "./Exchange.ts"
import { type Entered, eventStream, httpExchange, single } from "./HttpExchange.node.ts"
import { type Inbound, type Message, readInbound } from "./Inbound.ts"
import type { McpServices } from "./McpServices.ts"
import { inBatch } from "./revision/Batch.ts"
import * as Legacy from "./revision/Legacy.ts"
import * as Modern from "./revision/Modern.ts"
import { Parking } from "./Parking.ts"
import { attachStream, type Session, Sessions } from "./Sessions.ts"
import { untilExpiry } from "./UntilExpiry.ts"

/** Largest body in bytes. */
const BODY = 4 * 1024 * 1024

/** Most requests, and most listens among them, that run at once. */
const RUNNING = 4096
const LISTENS = 1024

/** Serves a request of somebody who is known. */
export type Handle = (request: IncomingMessage, response: ServerResponse, entered: Entered) => void

export interface McpHttp {
  readonly handle: Handle
  /** Ends what only waits (listens), then waits until everything is answered; what is not by then is stopped. */
  readonly drain: Effect.Effect<void>
  readonly running: () => Running
}

export const make = (context: Context.Context<McpServices>): McpHttp => {
  const fork = Effect.runForkWith(context)
  const running = new Set<Fiber.Fiber<unknown>>()
  const listening = new Set<Fiber.Fiber<unknown>>()

  const run = (effect: Effect.Effect<unknown, never, McpServices>, exchange: Exchange, id: string | undefined) => {
    const fiber = fork(effect)
    running.add(fiber)
    fiber.addObserver((exit) => {
      running.delete(fiber)
      listening.delete(fiber)
      answerDefect(exit, { exchange, id, log: fork })
    })
    return fiber
  }

  const post = (request: IncomingMessage, response: ServerResponse, entered: Entered, body: Buffer) => {
    const exchange = httpExchange(request, response, entered)
    const inbound = readInbound(body)
    const isListen = inbound.kind === "message" && inbound.message.method === "subscriptions/listen"
    if (running.size >= RUNNING || (isListen && listening.size >= LISTENS)) {
      return refuse(response, { status: 429, why: "Too many requests run at once; try again later" }, { "retry-after": "1" })
    }
    if (inbound.kind === "message" && Modern.isModern(exchange, inbound.message)) {
      const fiber = run(Modern.handle(inbound.message, exchange), exchange, inbound.message.id)
      if (isListen && running.has(fiber)) {
        listening.add(fiber)
        const stop = untilExpiry(entered.principal, () => fiber.interruptUnsafe())
        fiber.addObserver(stop)
      }
      // Closing the stream is this era's cancellation.
      exchange.onGone(() => fiber.interruptUnsafe())
      return
    }
    run(legacy(inbound, exchange), exchange, inbound.kind === "message" ? inbound.message.id : undefined)
  }

  const handle: Handle = (request, response, entered) => {
    if (request.method === "POST") {
      const refused = admitPost(request)
      return refused === undefined
        ? readBody(request, response, (body) => post(request, response, entered, body))
        : refuse(response, refused)
    }
    if (request.method !== "GET" && request.method !== "DELETE") {
      return refuse(response, { status: 405, why: "Only POST, GET and DELETE are served here" }, { allow: "POST, GET, DELETE" })
    }
    const exchange = httpExchange(request, response, entered)
    run(request.method === "GET" ? getStream(request, response, exchange) : endSession(exchange), exchange, undefined)
  }

  const drain = Effect.gen(function*() {
    yield* Context.get(context, Parking).end
    for (const fiber of listening) fiber.interruptUnsafe()
    while (running.size > 0) yield* Effect.sleep("10 millis")
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => running.forEach((fiber) => fiber.interruptUnsafe()))))
  return { handle, drain, running: () => ({ requests: running.size, listens: listening.size }) }
}

export const refuse = (response: ServerResponse, { status, why }: Refused, headers?: Readonly<Record<string, string>>): void => {
  const body = errorOf("null", CODE.invalidRequest, why).join("")
  response.writeHead(status, { ...headers, "content-type": "application/json", connection: "close" })
  response.end(body)
}

/** How long, in milliseconds, a client that is still sending has to hear that it should not. */
const LINGER = 500

/**
 * Refuses a body that is still being sent. Nothing more of it is read; but a connection that is closed
 * over unread bytes is reset, and the reset may overtake the answer, so it is closed a moment later.
 */
const refuseBody = (request: IncomingMessage, response: ServerResponse): void => {
  const body = errorOf("null", CODE.invalidRequest, `The body is larger than ${BODY} bytes`).join("")
  request.pause()
  response.writeHead(413, { "content-type": "application/json", "content-length": Buffer.byteLength(body), connection: "close" })
  response.write(body)
  const timer = setTimeout(() => {
    response.end()
    request.destroy()
  }, LINGER)
  response.once("close", () => clearTimeout(timer))
}

/** Reads a body within the limit; a larger one is refused. */
export const readBody = (request: IncomingMessage, response: ServerResponse, done: (body: Buffer) => void): void => {
  if (Number(request.headers["content-length"] ?? 0) > BODY) return refuseBody(request, response)
  const parts: Array<Buffer> = []
  let size = 0
  request.on("data", (part: Buffer) => {
    size += part.length
    if (size <= BODY) parts.push(part)
    else if (!response.headersSent) refuseBody(request, response)
  })
  request.once("end", () => {
    if (size <= BODY) done(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts))
  })
}

const legacy = Effect.fnUntraced(function*(inbound: Inbound, exchange: Exchange) {
  if (inbound.kind === "invalid") {
    return exchange.respond(400, errorOf(inbound.id, inbound.code, inbound.reason))
  }
  if (inbound.kind === "message" && inbound.message.method === "initialize") {
    return yield* Legacy.initialize(inbound.message, exchange)
  }
  const session = yield* sessionOf(exchange, inbound.kind === "message" ? inbound.message : undefined)
  if (session === undefined) return
  if (inbound.kind === "response") {
    Legacy.answered(session, inbound.id, inbound.member)
    return exchange.end(202)
  }
  if (inbound.kind === "message") return yield* Legacy.handle(inbound.message, exchange, session)
  return yield* inBatch(inbound.items, exchange, session)
})

/** The session that the headers name; without one the exchange has been answered. */
const sessionOf = Effect.fnUntraced(function*(
  exchange: Exchange,
  message: Message | undefined
): Effect.fn.Return<Session | undefined, never, Sessions> {
  const refused = (status: number, why: string) => exchange.respond(status, errorOf(message?.id ?? "null", CODE.invalidRequest, why))
  const version = exchange.header("mcp-protocol-version")
  if (version !== undefined && !Legacy.isSupported(version)) {
    refused(400, `Unsupported protocol version: ${version.slice(0, 40)}`)
    return undefined
  }
  const id = exchange.header("mcp-session-id")
  if (id === undefined) {
    refused(400, "Missing Mcp-Session-Id: send initialize first, or a request of revision 2026-07-28")
    return undefined
  }
  const session = yield* (yield* Sessions).find(id, exchange)
  if (session === undefined) refused(404, "Unknown or expired session: send initialize again")
  return session
})

/** The stream for what belongs to no request (2025-11-25, basic/transports, "Listening for Messages"). */
const getStream = Effect.fnUntraced(function*(request: IncomingMessage, response: ServerResponse, exchange: Exchange) {
  if (single(request, "mcp-session-id") === undefined) {
    return refuse(response, { status: 405, why: "A stream needs a session; revision 2026-07-28 has none" }, { allow: "POST" })
  }
  if (!(request.headers.accept ?? "").includes("text/event-stream")) {
    return refuse(response, { status: 406, why: "Accept must allow text/event-stream" })
  }
  const session = yield* sessionOf(exchange, undefined)
  if (session === undefined) return
  const lastEvent = single(request, "last-event-id")
  const found = lastEvent === undefined ? undefined : session.logs.find(lastEvent)
  if (lastEvent !== undefined && found === undefined && lastEvent.startsWith("s")) {
    return refuse(response, { status: 410, why: "The rest of this stream is not kept any more" })
  }
  const stream = eventStream(response)
  if (found !== undefined) return found.log.attach(stream, found.after)
  attachStream(session, stream)
  response.once("close", () => {
    if (session.stream === stream) session.stream = undefined
  })
})

const endSession = Effect.fnUntraced(function*(exchange: Exchange) {
  const session = yield* sessionOf(exchange, undefined)
  if (session === undefined) return
  const sessions = yield* Sessions
  sessions.close(session)
  exchange.end(200)
})
