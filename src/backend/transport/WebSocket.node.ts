/**
 * MCP over WebSocket, an extension that no revision of the protocol describes: subprotocol
 * `mcp`, one message in each text frame. Redirects are never followed. The fixed headers and
 * the credential go with the upgrade; a message has no headers of its own.
 */
import { Effect, Schema, type Scope } from "effect"
import { type RawData, WebSocket } from "ws"
import { keepAlive } from "../../lib/KeepAlive.ts"
import type { Endpoint } from "./Http.node.ts"
import { reasonOf } from "./HttpAnswer.ts"
import { MESSAGE_LIMIT, type Outgoing, QUEUE_LIMIT, type Receiver, type Transport } from "./Transport.ts"

/** The server takes no such connection. */
export class NoSocket extends Schema.TaggedError<NoSocket>()("NoSocket", {
  detail: Schema.String,
  status: Schema.optionalKey(Schema.Int)
}) {}

const SUBPROTOCOL = "mcp"

/** How often the server is pinged, in milliseconds; one that has not answered by the next time is gone. */
const KEEP_ALIVE = 30_000

/** How long, in milliseconds, the server has to take its leave. */
const LINGER = 1000

/** Opens a socket; it is closed with the scope. */
export const webSocketTransport = (
  endpoint: Endpoint,
  receiver: Receiver
): Effect.Effect<Transport, NoSocket, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(connected(endpoint, receiver), (socket) => ({ socket, stop: keepAlive(socket, KEEP_ALIVE) })),
    ({ socket, stop }) =>
      Effect.sync(() => {
        stop()
        socket.close()
        setTimeout(() => socket.terminate(), LINGER).unref()
      }),
    { interruptible: true }
  ).pipe(Effect.map(({ socket }) => over(socket, receiver)))

const connected = ({ headers, url }: Endpoint, receiver: Receiver): Effect.Effect<WebSocket, NoSocket> =>
  Effect.callback((resume) => {
    const socket = new WebSocket(url, [SUBPROTOCOL], { headers, followRedirects: false, maxPayload: MESSAGE_LIMIT, perMessageDeflate: false })
    let isOpen = false
    let broken: string | undefined
    const failed = (detail: string, status?: number) =>
      resume(Effect.fail(new NoSocket({ detail, ...(status === undefined ? {} : { status }) })))

    socket.on("open", () => {
      isOpen = true
      resume(Effect.succeed(socket))
    })
    socket.on("unexpected-response", (_, { statusCode = 0 }) => {
      failed(`answered the request for a WebSocket with HTTP status ${statusCode}`, statusCode)
      socket.terminate()
    })
    socket.on("error", (error) => {
      if (isOpen) broken ??= breachOf(error)
      else failed(reasonOf(error))
    })
    socket.on("message", (data, isBinary) => {
      if (broken !== undefined) return
      if (!isBinary) return void receiver.message(bytesOf(data), undefined)
      broken = "sent a binary frame"
      socket.close(UNSUPPORTED)
    })
    socket.on("close", (code) => {
      if (isOpen) receiver.closed(broken ?? wordsFor(code))
    })
    return Effect.sync(() => socket.terminate())
  })

const over = (socket: WebSocket, receiver: Receiver): Transport => ({
  kind: "websocket",
  send: ({ id, text }: Outgoing) => {
    const isClosed = socket.readyState !== socket.OPEN
    if (!isClosed && socket.bufferedAmount <= QUEUE_LIMIT) return socket.send(text)
    if (id === undefined) return
    receiver.failed(id, isClosed
      ? { kind: "closed", detail: "has closed its WebSocket", isUnsent: true }
      : { kind: "busy", detail: `does not read: ${socket.bufferedAmount} bytes are waiting` })
  },
  forget: () => {},
  openStream: (opened) => opened(),
  agreed: () => {},
  close: () => {}
})

/** Close codes (RFC 6455, 7.4.1): what we say, and what needs words. */
const UNSUPPORTED = 1003

const wordsFor = (code: number): string => {
  if (code === 1001) return "is going away (WebSocket code 1001)"
  return code === 1006 ? "lost its WebSocket" : `closed its WebSocket (code ${code})`
}

const breachOf = (error: Error): string =>
  "code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
    ? `sent a message of more than ${MESSAGE_LIMIT} bytes`
    : reasonOf(error)

const bytesOf = (data: RawData): Buffer => {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : Buffer.from(data)
}
