/**
 * One client on standard input and output, of any revision: a message a line. Cancelling
 * is a notification in both eras here; the end of the input is the end of the client.
 */
import type { Readable, Writable } from "node:stream"
import { Effect, type Fiber } from "effect"
import { lineReader } from "../lib/LineReader.ts"
import { answerDefect } from "./Defect.ts"
import { CODE, errorOf, type Exchange } from "./Exchange.ts"
import { LOCAL, type McpServices } from "./Http.node.ts"
import { type Inbound, type Message, readInbound } from "./Inbound.ts"
import { oneLine, oneLineOf } from "./OneLine.ts"
import { inBatch } from "./revision/Batch.ts"
import * as Legacy from "./revision/Legacy.ts"
import * as Modern from "./revision/Modern.ts"
import { attachStream, type Session, Sessions } from "./Sessions.ts"

/** Longest message in bytes. */
const LINE = 4 * 1024 * 1024

/** Bytes that may wait for a client that does not read; notifications that come then are dropped. */
const UNREAD = 1024 * 1024

export interface Streams {
  readonly input: Readable
  readonly output: Writable
}

/** Serves until the input ends or nobody reads the output; then every request in flight is stopped. */
export const serveStdio = Effect.fn("Stdio.serve")(function*({ input, output }: Streams) {
  const context = yield* Effect.context<McpServices>()
  const fork = Effect.runForkWith(context)
  const sessions = yield* Sessions
  const running = new Map<string, Fiber.Fiber<unknown>>()
  let session: Session | undefined

  const write = (text: string) => output.write(`${text}\n`)
  const exchange: Exchange = {
    transport: "stdio",
    header: () => undefined,
    send: (text) => {
      if (output.writableLength <= UNREAD) write(oneLine(text))
    },
    stream: () => {},
    prefersStream: false,
    keep: () => {},
    pause: () => {},
    respond: (_, body) => write(body.map(oneLineOf).join("")),
    end: () => {},
    onGone: () => {}
  }

  const run = (effect: Effect.Effect<unknown, never, McpServices>, id: string | undefined) => {
    const fiber = fork(effect)
    if (id !== undefined) running.set(id, fiber)
    fiber.addObserver((exit) => {
      if (id !== undefined) running.delete(id)
      answerDefect(exit, { exchange, id, log: fork })
    })
  }

  const modern = (message: Message) => {
    const { id, method, values } = message
    if (id === undefined && method === "notifications/cancelled") {
      return running.get(JSON.stringify(values["requestId"]))?.interruptUnsafe()
    }
    if (id !== undefined && running.has(id)) {
      return exchange.respond(400, errorOf(id, CODE.invalidRequest, "A request with this id is still running"))
    }
    return run(Modern.handle(message, exchange, LOCAL), id)
  }

  /** There is one client: with a new session its last one is over. */
  const begin = (opened: Session | undefined) => {
    if (opened === undefined) return
    if (session !== undefined) sessions.close(session)
    session = opened
    attachStream(opened, { send: exchange.send, end: () => {} })
  }

  const legacy = Effect.fnUntraced(function*(inbound: Inbound) {
    if (inbound.kind === "invalid") return exchange.respond(400, errorOf(inbound.id, inbound.code, inbound.reason))
    if (inbound.kind === "message" && inbound.message.method === "initialize") {
      return begin(yield* Legacy.initialize(inbound.message, exchange, LOCAL))
    }
    if (session === undefined) {
      const id = inbound.kind === "message" ? inbound.message.id : undefined
      return id === undefined ? undefined : exchange.respond(400, errorOf(id, CODE.invalidRequest, "Send initialize first"))
    }
    if (inbound.kind === "response") return Legacy.answered(session, inbound.id, inbound.member)
    return inbound.kind === "message"
      ? yield* Legacy.handle(inbound.message, exchange, session)
      : yield* inBatch(inbound.items, exchange, session)
  })

  const line = (bytes: Buffer) => {
    const inbound = readInbound(bytes)
    if (inbound.kind === "message" && isModern(inbound.message, session)) return modern(inbound.message)
    return run(legacy(inbound), undefined)
  }

  yield* Effect.callback<void>((resume) => {
    const ended = () => resume(Effect.void)
    input.on("data", lineReader(LINE, line, () => {
      exchange.respond(400, errorOf("null", CODE.invalidRequest, `A message of more than ${LINE} bytes; nothing is read after it`))
      ended()
    }))
    input.once("end", ended)
    input.once("error", ended)
    output.on("error", ended)
    return Effect.sync(() => input.destroy())
  })
  for (const fiber of running.values()) fiber.interruptUnsafe()
  if (session !== undefined) sessions.close(session)
})

/** A modern client says so in each request, but not in `notifications/cancelled`: without a session that is one too. */
const isModern = (message: Message, session: Session | undefined): boolean =>
  message.id === undefined && message.method === "notifications/cancelled"
    ? session === undefined
    : Modern.isModern({ header: () => undefined }, message)

