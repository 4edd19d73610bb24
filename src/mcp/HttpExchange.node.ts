/** The exchange of one HTTP request: one JSON body, or a stream of events once something comes before the answer. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Principal } from "../plugin/Auth.ts"
import type { EventLog } from "./EventLog.ts"
import { type Chunk, type Exchange, joined, sizeOf } from "./Exchange.ts"
import { oneLine, oneLineOf } from "./OneLine.ts"

const EVENT = "event: message\ndata: "
const SSE_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

/** Bytes that may wait for a client that does not read; what comes then is dropped, never held against a backend. */
const UNREAD = 1024 * 1024
/** Bodies up to this size are joined into one write. */
const SMALL = 16 * 1024

/** How often a comment keeps a quiet stream open, in milliseconds. */
const KEEP_ALIVE = 15_000

/**
 * The value of a header (name in lower case) that is there exactly once. Read from what was
 * sent, since Node keeps the first of two for some names and joins them for others.
 */
export const single = ({ rawHeaders }: IncomingMessage, name: string): string | undefined => {
  let value: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const field = rawHeaders[i]
    if (field === undefined || field.length !== name.length || field.toLowerCase() !== name) continue
    if (value !== undefined) return undefined
    value = rawHeaders[i + 1]
  }
  return value
}

/** How soon, in milliseconds, a client that was let go should come back. */
const RETRY = 500

/** Starts an event stream on a response and keeps it open. */
export const eventStream = (response: ServerResponse, headers: Readonly<Record<string, string>> = {}) => {
  response.writeHead(200, { ...SSE_HEADERS, ...headers })
  response.flushHeaders()
  const canTake = () => !response.writableEnded && !response.destroyed && response.writableLength <= UNREAD
  const keepAlive = () => {
    // An ended response may wait long for a client that does not read; writing to it then would be an error.
    if (canTake()) response.write(": keep-alive\n\n")
  }
  const timer = setInterval(keepAlive, KEEP_ALIVE)
  timer.unref()
  response.once("close", () => clearInterval(timer))
  return {
    send: (text: string) => {
      if (canTake()) response.write(`${EVENT}${oneLine(text)}\n\n`)
    },
    /** A message that may not be dropped, however much waits. */
    message: (body: ReadonlyArray<Chunk>) => {
      response.write(joined([EVENT, ...body.map(oneLineOf), "\n\n"]))
    },
    named: (event: string, data: string) => {
      response.write(`event: ${event}\ndata: ${data}\n\n`)
    },
    /** For an event log: with the id that lets the client come back. */
    event: (id: string, text: string) => {
      if (canTake()) response.write(`id: ${id}\n${EVENT}${oneLine(text)}\n\n`)
    },
    /** An event without a message, so that the client has an id before the first one. */
    prime: (id: string) => {
      response.write(`id: ${id}\nretry: ${RETRY}\ndata: \n\n`)
    },
    end: () => {
      response.end()
    }
  }
}

const prefersStream = (accept: string | undefined): boolean =>
  accept !== undefined && accept.startsWith("text/event-stream")

/** Who has come in, and for which server: for all of them without it. */
export interface Entered {
  readonly principal: Principal
  readonly server: string | undefined
}

export const httpExchange = (request: IncomingMessage, response: ServerResponse, { principal, server }: Entered): Exchange => {
  let stream: ReturnType<typeof eventStream> | undefined
  let log: EventLog | undefined
  let openLog: (() => EventLog) | undefined
  const isOver = () => response.writableEnded || response.destroyed

  const open = () => {
    stream = eventStream(response)
    log = openLog?.()
    if (log === undefined) return stream
    stream.prime(log.first)
    log.attach(stream, 0)
    return stream
  }

  const whole = (status: number, body: ReadonlyArray<Chunk>, headers?: Readonly<Record<string, string>>) => {
    const size = sizeOf(body)
    response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": size })
    if (size <= SMALL) {
      response.end(joined(body))
      return
    }
    for (const chunk of body) response.write(chunk)
    response.end()
  }

  return {
    principal,
    server,
    transport: "http",
    header: (name) => single(request, name),
    prefersStream: prefersStream(request.headers.accept),
    keep: (open) => {
      openLog = open
    },
    stream: () => {
      if (!isOver() && stream === undefined) open()
    },
    send: (text) => {
      if (stream === undefined && isOver()) return
      const opened = stream ?? open()
      if (log === undefined) opened.send(text)
      else log.append(text)
    },
    pause: () => {
      if (stream !== undefined) log?.pause()
    },
    respond: (status, body, headers) => {
      if (stream !== undefined && log !== undefined) {
        log.append(joined(body).toString("utf8"))
        log.finish()
        return
      }
      if (isOver()) return
      if (stream === undefined) return whole(status, body, headers)
      response.write(EVENT)
      for (const chunk of body) response.write(oneLineOf(chunk))
      response.end("\n\n")
    },
    end: (status, headers) => {
      // The client may have come back for the rest on another stream, which ends with the log.
      if (log !== undefined) return log.finish()
      if (isOver()) return
      if (stream === undefined) response.writeHead(status, { ...headers, "content-length": 0 })
      response.end()
    },
    onGone: (listener) => {
      response.once("close", () => {
        if (!response.writableFinished) listener()
      })
    }
  }
}
