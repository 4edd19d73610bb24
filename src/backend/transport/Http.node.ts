/**
 * Streamable HTTP to one backend over pooled keep-alive connections. Each request
 * is one exchange, answered by one JSON body or a stream of events. Redirects are
 * never followed, and no inbound header reaches this file.
 */
import { type Dispatcher, Pool } from "undici"
import type { Position } from "./EventStream.ts"
import { reading } from "./HttpAnswer.ts"
import type { Failure, Outgoing, Receiver, Transport } from "./Transport.ts"

export interface Endpoint {
  readonly url: URL
  /** Fixed headers of the manifest, already revealed for the wire. */
  readonly headers: Readonly<Record<string, string>>
  /** The gateway's own credential there as it is now; a call's own goes before it. */
  readonly own?: () => Readonly<Record<string, string>>
}

/** Stands for the shared stream among the ids of requests, which begin at 1. */
const SHARED = 0

/** A notification has nobody waiting for it: one that is not taken in this time, in milliseconds, gives its connection back. */
const NOTICE = { headersTimeout: 10_000, bodyTimeout: 10_000 }

/** Pause, in milliseconds, before a server that was busy is asked for its shared stream again. */
const BUSY_PAUSE = 5000

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
  readonly begun?: () => void
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

  const dispatch = ({ begun, body, ended, headers, id, method, position }: Exchange) => {
    const limits = id === undefined ? NOTICE : {}
    pool.dispatch({ origin: endpoint.url.origin, path, method, headers, body, ...limits }, {
      onRequestStart: (controller) => {
        if (id === undefined) return
        open.set(id, controller)
        if (early.delete(id)) abort(id)
      },
      ...reading({
        ...(begun === undefined ? {} : { begun }),
        origin: id === SHARED ? undefined : id,
        position,
        receiver,
        session: (value) => {
          base["mcp-session-id"] = value
        }
      }, (controller, failure) => {
        if (id !== undefined) {
          open.delete(id)
          early.delete(id)
        }
        if (!forgotten.has(controller)) ended(failure)
      })
    })
  }

  /** @param isFirst whether the request goes out with it; a stream that is taken up again is of a request that was taken */
  const answered = (id: number | undefined, position: Position, isFirst: boolean) => (failure: Failure | undefined) => {
    if (failure === undefined || id === undefined) return
    if (failure.kind === "stream_ended" && position.lastEventId !== undefined) return comeBack(id, position.lastEventId, position.retry)
    // The request belonged to a session that is no more, so nothing of it was done (2025-11-25, "Session Management").
    const isForgotten = failure.status === 404 && base["mcp-session-id"] !== undefined
    const isUnsent = isFirst && (isForgotten || failure.isAway === true)
    // First that nothing more can be sent: who hears of a failure may try again at once.
    if (isForgotten) receiver.lost("ended the session")
    // A backend that goes may still finish what it has taken.
    if (failure.isAway === true && open.size === 0) receiver.lost(failure.detail)
    receiver.failed(id, isUnsent ? { ...failure, isUnsent } : failure)
  }

  /** Takes up the stream of a request that the backend let go (2025-11-25, "Resumability and Redelivery"). */
  const comeBack = (id: number, lastEventId: string, retry: number) => {
    receiver.paused(id)
    const position = start()
    const ask = () => {
      waiting.delete(id)
      const headers = { ...base, accept: "text/event-stream", "last-event-id": lastEventId }
      dispatch({ method: "GET", headers, body: null, id, position, ended: answered(id, position, false) })
    }
    waiting.set(id, setTimeout(ask, retry))
  }

  const send = ({ headers, id, text }: Outgoing) => {
    const position = start()
    dispatch({ method: "POST", headers: { ...base, ...endpoint.own?.(), ...headers }, body: text, id, position, ended: answered(id, position, true) })
  }

  /** The shared stream; a server may end it now and then, and it is opened again where it was. */
  const openStream = (before: Position | undefined, begun: () => void) => {
    const position = start()
    position.lastEventId = before?.lastEventId
    const { lastEventId } = position
    dispatch({
      method: "GET",
      headers: { ...base, ...endpoint.own?.(), accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) },
      body: null,
      id: SHARED,
      position,
      begun,
      ended: (failure) => {
        begun()
        if (isClosed) return
        // 405 says that there is no such stream, which is legal; many servers say 400 of a session that they do not know.
        const isForgotten = before !== undefined && (failure?.status === 404 || failure?.status === 400)
        if (isForgotten) return receiver.lost("ended the session")
        if (failure?.kind === "unreachable") return receiver.closed(failure.detail)
        const isBusy = failure?.status === 429 || (failure?.status ?? 0) >= 500
        if (failure?.kind === "stream_ended" || isBusy) {
          setTimeout(() => isClosed || openStream(position, () => {}), isBusy ? BUSY_PAUSE : position.retry)
        }
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
    openStream: (opened) => openStream(undefined, opened),
    agreed: (version) => {
      base["mcp-protocol-version"] = version
    },
    close
  }
}
