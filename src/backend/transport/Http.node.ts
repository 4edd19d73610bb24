/**
 * Streamable HTTP to one backend over pooled keep-alive connections. Each request
 * is one exchange, answered by one JSON body or a stream of events. Redirects are
 * never followed, and no inbound header reaches this file.
 */
import type { IncomingHttpHeaders } from "node:http"
import { type Dispatcher, Pool } from "undici"
import { collected } from "./Body.ts"
import { eventReader, type Position } from "./EventStream.ts"
import { type Failure, MESSAGE_LIMIT, type Outgoing, type Receiver, type Transport } from "./Transport.ts"

export interface Endpoint {
  readonly url: URL
  /** Fixed headers of the manifest, already revealed for the wire. */
  readonly headers: Readonly<Record<string, string>>
}

/** Stands for the shared stream among the ids of requests, which begin at 1. */
const SHARED = 0

/** Most connections to one backend. */
const CONNECTIONS = 256

export const poolFor = (url: URL): Pool =>
  new Pool(url.origin, { connections: CONNECTIONS, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connectTimeout: 10_000 })

const start = (): Position => ({ lastEventId: undefined, retry: 1000 })

interface Exchange {
  readonly method: "POST" | "GET" | "DELETE"
  readonly headers: Record<string, string>
  readonly body: string | null
  /** `undefined` for notifications. */
  readonly id: number | undefined
  readonly ended: (failure: Failure | undefined) => void
  /** Where its stream has come to. */
  readonly position: Position
}

export const httpTransport = (endpoint: Endpoint, pool: Pool, receiver: Receiver): Transport => {
  const path = endpoint.url.pathname + endpoint.url.search
  const open = new Map<number, Dispatcher.DispatchController>()
  /** Requests that were forgotten before they had a connection. */
  const early = new Set<number>()
  /** Requests whose stream is taken up again in a moment. */
  const waiting = new Map<number, NodeJS.Timeout>()
  let isClosed = false
  const forgotten = new WeakSet<Dispatcher.DispatchController>()
  const base: Record<string, string> = {
    ...endpoint.headers,
    "content-type": "application/json",
    accept: "application/json, text/event-stream"
  }

  const dispatch = ({ body, ended, headers, id, method, position }: Exchange) => {
    pool.dispatch({ origin: endpoint.url.origin, path, method, headers, body }, {
      onRequestStart: (controller) => {
        if (id === undefined) return
        open.set(id, controller)
        if (early.delete(id)) abort(id)
      },
      ...reading({
        origin: id === SHARED ? undefined : id,
        position,
        receiver,
        session: (value) => {
          base["mcp-session-id"] = value
        }
      }, (controller, failure) => {
        if (id !== undefined) open.delete(id)
        if (!forgotten.has(controller)) ended(failure)
      })
    })
  }

  const answered = (id: number | undefined, position: Position) => (failure: Failure | undefined) => {
    if (failure === undefined || id === undefined) return
    if (failure.kind === "stream_ended" && position.lastEventId !== undefined) return comeBack(id, position.lastEventId, position.retry)
    if (failure.status === 404 && base["mcp-session-id"] !== undefined) receiver.closed("the backend ended the session")
    receiver.failed(id, failure)
    // A backend that goes may still finish what it has taken.
    if (failure.isAway === true && open.size === 0) receiver.closed(failure.detail)
  }

  /** Takes up the stream of a request that the backend let go (2025-11-25, "Resumability and Redelivery"). */
  const comeBack = (id: number, lastEventId: string, retry: number) => {
    receiver.paused(id)
    const position = start()
    const ask = () => {
      waiting.delete(id)
      const headers = { ...base, accept: "text/event-stream", "last-event-id": lastEventId }
      dispatch({ method: "GET", headers, body: null, id, position, ended: answered(id, position) })
    }
    waiting.set(id, setTimeout(ask, retry))
  }

  const send = ({ headers, id, text }: Outgoing) => {
    const position = start()
    dispatch({ method: "POST", headers: { ...base, ...headers }, body: text, id, position, ended: answered(id, position) })
  }

  /** The shared stream; a server may end it now and then, and it is opened again where it was. */
  const openStream = (before: Position | undefined) => {
    const position = start()
    position.lastEventId = before?.lastEventId
    const { lastEventId } = position
    dispatch({
      method: "GET",
      headers: { ...base, accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) },
      body: null,
      id: SHARED,
      position,
      ended: (failure) => {
        if (isClosed) return
        // 405 says that there is no such stream, which is legal; many servers say 400 of a session that they do not know.
        const isForgotten = before !== undefined && (failure?.status === 404 || failure?.status === 400)
        const isLost = failure?.kind === "unreachable" || isForgotten
        if (isLost) return receiver.closed(failure.detail)
        if (failure?.kind === "stream_ended") setTimeout(() => isClosed || openStream(position), position.retry)
      }
    })
  }

  const close = () => {
    isClosed = true
    for (const timer of waiting.values()) clearTimeout(timer)
    for (const id of [...open.keys()]) abort(id)
    if (base["mcp-session-id"] === undefined) return
    dispatch({ method: "DELETE", headers: { ...base }, body: null, id: undefined, position: start(), ended: () => {} })
  }

  const abort = (id: number) => {
    const controller = open.get(id)
    if (controller === undefined) return
    open.delete(id)
    forgotten.add(controller)
    controller.abort(new Error("cancelled"))
  }

  const forget = (id: number) => {
    const timer = waiting.get(id)
    clearTimeout(timer)
    waiting.delete(id)
    if (open.has(id)) abort(id)
    else if (timer === undefined) early.add(id)
  }

  return {
    kind: "http",
    send,
    forget,
    openStream: () => openStream(undefined),
    agreed: (version) => {
      base["mcp-protocol-version"] = version
    },
    close
  }
}

interface Reading {
  /** The request that the messages belong to. */
  readonly origin: number | undefined
  readonly position: Position
  readonly receiver: Receiver
  readonly session: (value: string) => void
}

/** Handlers that turn one HTTP answer into messages and, at its end, at most one failure. */
const reading = (
  { origin, position, receiver, session }: Reading,
  ended: (controller: Dispatcher.DispatchController, failure: Failure | undefined) => void
) => {
  let status = 0
  let challenge: string | undefined
  let feed: ((chunk: Buffer) => void) | undefined
  let finish: () => boolean = () => false
  let tooLarge = false
  let type = ""

  const onResponseStart = (controller: Dispatcher.DispatchController, code: number, headers: IncomingHttpHeaders) => {
    status = code
    challenge = headers["www-authenticate"]
    const given = headers["mcp-session-id"]
    if (typeof given === "string" && code < 300) session(given)
    const overflow = () => {
      tooLarge = true
      controller.abort(new Error("too large"))
    }
    type = headers["content-type"] ?? ""
    if (type.startsWith("text/event-stream")) {
      // A stream may end after some notifications without the answer, which is then still due.
      let isAnswered = false
      feed = eventReader(MESSAGE_LIMIT, ({ data }) => {
        isAnswered = receiver.message(data, origin)
      }, overflow, position)
      finish = () => isAnswered
    } else {
      const body = collected(overflow)
      feed = body.feed
      finish = () => type.startsWith("application/json") && body.deliver((bytes) => receiver.message(bytes, origin))
    }
  }

  const failure = (): Failure | undefined => {
    if (tooLarge) return { kind: "too_large", detail: `sent a message of more than ${MESSAGE_LIMIT} bytes` }
    const delivered = finish()
    if (status >= 300) {
      const failed: Failure = { kind: "status", detail: `answered with HTTP status ${status}`, status }
      return challenge === undefined ? failed : { ...failed, challenge }
    }
    return delivered && origin !== undefined ? undefined : { kind: "stream_ended", detail: unansweredFor(type) }
  }

  return {
    onResponseStart,
    onResponseData: (_: Dispatcher.DispatchController, chunk: Buffer) => feed?.(chunk),
    onResponseEnd: (controller: Dispatcher.DispatchController) => ended(controller, failure()),
    onResponseError: (controller: Dispatcher.DispatchController, error: Error) =>
      ended(controller, tooLarge ? failure() : {
        kind: status === 0 ? "unreachable" : "stream_ended",
        detail: reasonOf(error),
        isAway: status === 0 && "code" in error && AWAY.has(String(error.code))
      })
  }
}

/** What of the system or undici says that nobody is at the address. */
const AWAY = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"])

const unansweredFor = (type: string): string =>
  type.startsWith("application/json") || type.startsWith("text/event-stream")
    ? "ended its answer without a result"
    : `answered with ${type === "" ? "no content" : JSON.stringify(type.slice(0, 60))}, which is no MCP message`

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "does not listen at its address"],
  ["ENOTFOUND", "has an address that does not exist"],
  ["UND_ERR_CONNECT_TIMEOUT", "does not take connections"],
  ["UND_ERR_SOCKET", "closed the connection"],
  ["ECONNRESET", "closed the connection"]
])

/** What went wrong, from the codes of the system or undici; no address and no body. */
export const reasonOf = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : "no code"
  return `${WORDS.get(code) ?? "could not be reached"} (${code})`
}
