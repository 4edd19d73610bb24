/**
 * One client on a channel that carries whole messages both ways, whichever transport it is,
 * in any revision. Cancelling is a notification in both eras here, there is one legacy
 * session at a time, and the end of the channel ends all that was asked on it.
 */
import { Context, Effect, type Fiber } from "effect"
import type { Principal } from "../plugin/Auth.ts"
import { answerDefect } from "./Defect.ts"
import { type Chunk, CODE, errorOf, type Exchange } from "./Exchange.ts"
import { type Inbound, type Message, readInbound } from "./Inbound.ts"
import type { McpServices } from "./McpServices.ts"
import { inBatch } from "./revision/Batch.ts"
import * as Legacy from "./revision/Legacy.ts"
import * as Modern from "./revision/Modern.ts"
import { attachStream, type Session, Sessions } from "./Sessions.ts"

/** The way back to the client. */
export interface Wire {
  /** Sends one message, which may still have line breaks between its tokens. */
  readonly write: (message: ReadonlyArray<Chunk>) => void
  /** Bytes that wait for the client to read them. */
  readonly waiting: () => number
  /** Lets go a client that does not read; `why` is for people. */
  readonly close: (why: string) => void
}

/** Requests that are being answered, and the listens among them. */
export interface Running {
  readonly requests: number
  readonly listens: number
}

export const sumOf = (all: Iterable<Running>): Running => {
  let [requests, listens] = [0, 0]
  for (const one of all) {
    requests += one.requests
    listens += one.listens
  }
  return { requests, listens }
}

export interface Channel {
  /** Takes one message of the client. */
  readonly receive: (bytes: Uint8Array) => void
  /** Says what is wrong with something that is no message. */
  readonly refuse: (why: string) => void
  /** Takes no more requests, ends what only waits (listens), and waits until everything is answered. */
  readonly drain: Effect.Effect<void>
  readonly running: () => Running
  /** The client is gone: stops everything in flight and closes its session. */
  readonly end: () => void
}

/**
 * Bytes that may wait for a client that does not read: notifications that come then are
 * dropped; an answer never is, so at the second limit the client is let go.
 */
const UNREAD = 1024 * 1024
const UNREAD_ANSWERS = 16 * 1024 * 1024

/** Most requests of one client that run at once, and most bytes that they hold. */
const RUNNING = 1024
const HELD = 32 * 1024 * 1024

export const openChannel = (context: Context.Context<McpServices>, principal: Principal, wire: Wire): Channel => {
  const fork = Effect.runForkWith(context)
  const sessions = Context.get(context, Sessions)
  const running = new Set<Fiber.Fiber<unknown>>()
  const listening = new Set<Fiber.Fiber<unknown>>()
  /** Requests of the modern era, which has no session that would know them. */
  const modern = new Map<string, Fiber.Fiber<unknown>>()
  let session: Session | undefined
  let held = 0
  let isStopping = false
  let isOver = false

  const write = (message: ReadonlyArray<Chunk>) => {
    if (isOver) return
    if (wire.waiting() <= UNREAD_ANSWERS) return wire.write(message)
    end()
    wire.close("Too many answers wait to be read")
  }
  const exchange: Exchange = {
    principal,
    server: undefined,
    transport: "channel",
    header: () => undefined,
    send: (text) => {
      if (wire.waiting() <= UNREAD) write([text])
    },
    stream: () => {},
    prefersStream: false,
    keep: () => {},
    pause: () => {},
    respond: (_, body) => write(body),
    end: () => {},
    onGone: () => {}
  }
  const refuse = (id: string, why: string) => exchange.respond(400, errorOf(id, CODE.invalidRequest, why))

  const run = (effect: Effect.Effect<unknown, never, McpServices>, id: string | undefined, size: number) => {
    const fiber = fork(effect)
    running.add(fiber)
    held += size
    fiber.addObserver((exit) => {
      running.delete(fiber)
      held -= size
      answerDefect(exit, { exchange, id, log: fork })
    })
    return fiber
  }

  const runModern = (message: Message, size: number) => {
    const { id, method } = message
    const fiber = run(Modern.handle(message, exchange), id, size)
    if (id === undefined || !running.has(fiber)) return
    modern.set(id, fiber)
    if (method === "subscriptions/listen") listening.add(fiber)
    fiber.addObserver(() => {
      modern.delete(id)
      listening.delete(fiber)
    })
  }

  /** There is one client: with a new session its last one is over. */
  const begin = (opened: Session | undefined) => {
    if (opened === undefined) return
    if (session !== undefined) sessions.close(session)
    session = opened
    if (isOver) return sessions.close(opened)
    attachStream(opened, { send: exchange.send, end: () => {} })
  }

  const legacy = Effect.fnUntraced(function*(inbound: Inbound) {
    if (inbound.kind === "invalid") return exchange.respond(400, errorOf(inbound.id, inbound.code, inbound.reason))
    if (inbound.kind === "message" && inbound.message.method === "initialize") {
      return begin(yield* Legacy.initialize(inbound.message, exchange))
    }
    if (session === undefined) {
      const id = asking(inbound)
      return id === undefined ? undefined : refuse(id, "Send initialize first")
    }
    if (inbound.kind === "response") return Legacy.answered(session, inbound.id, inbound.member)
    return inbound.kind === "message"
      ? yield* Legacy.handle(inbound.message, exchange, session)
      // The answers of a batch are sent like notifications, and still none may be dropped.
      : yield* inBatch(inbound.items, { ...exchange, send: (text) => write([text]) }, session)
  })

  const receive = (bytes: Uint8Array) => {
    if (isOver) return
    const inbound = readInbound(bytes)
    const id = asking(inbound)
    if (id !== undefined && isStopping) return refuse(id, "The gateway is stopping")
    if (id !== undefined && (running.size >= RUNNING || held > HELD)) return refuse(id, "Too many requests run at once; try again later")
    const stopped = inbound.kind === "message" ? modern.get(cancelledBy(inbound.message)) : undefined
    if (stopped !== undefined) return stopped.interruptUnsafe()
    if (inbound.kind !== "message" || !Modern.isModern(exchange, inbound.message)) {
      run(legacy(inbound), id, bytes.length)
      return
    }
    if (id !== undefined && modern.has(id)) return refuse(id, "A request with this id is still running")
    runModern(inbound.message, bytes.length)
  }

  const drain = Effect.gen(function*() {
    isStopping = true
    for (const fiber of listening) fiber.interruptUnsafe()
    while (running.size > 0) yield* Effect.sleep("10 millis")
  })

  const end = () => {
    isOver = true
    for (const fiber of running) fiber.interruptUnsafe()
    if (session !== undefined) sessions.close(session)
    session = undefined
  }

  const counted = () => ({ requests: running.size, listens: listening.size })
  return { receive, refuse: (why) => refuse("null", why), drain, running: counted, end }
}

/** JSON text of the id that an answer is for; unset where none is wanted. */
const asking = (inbound: Inbound): string | undefined => {
  if (inbound.kind === "message") return inbound.message.id
  return inbound.kind === "batch" ? "null" : undefined
}

/** JSON text of the id that a message cancels; no id is empty. */
const cancelledBy = ({ id, method, values }: Message): string =>
  id === undefined && method === "notifications/cancelled" ? JSON.stringify(values["requestId"]) ?? "" : ""
