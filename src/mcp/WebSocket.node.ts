/**
 * MCP over WebSocket, an extension of ours that no revision of the protocol describes:
 * subprotocol `mcp`, one JSON-RPC message in each text frame. What may not connect is
 * refused as an HTTP request, before the upgrade.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { type Context, Effect } from "effect"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import type { Principal } from "../plugin/Auth.ts"
import { keepAlive } from "../lib/KeepAlive.ts"
import type { Refused } from "./Admission.node.ts"
import { type Channel, openChannel, type Running, sumOf } from "./Channel.ts"
import { CODE, errorOf, joined } from "./Exchange.ts"
import { refuse } from "./Http.node.ts"
import type { McpServices } from "./McpServices.ts"

const SUBPROTOCOL = "mcp"

/** Largest message in bytes; a larger one is answered with close code 1009. */
const MESSAGE = 4 * 1024 * 1024

/** Most clients at once. */
const CLIENTS = 1000

/** How often a client is pinged, in milliseconds; one that has not answered by the next time is gone. */
const KEEP_ALIVE = 30_000

/** How long, in milliseconds, a client has to take the reason for which it is let go. */
const LINGER = 1000

/** Close codes of RFC 6455, 7.4.1, and of the IANA registry. */
const CLOSE = { goingAway: 1001, unsupported: 1003, tryAgainLater: 1013 } as const

export interface McpWebSocket {
  /** For a request without an upgrade. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, principal: Principal) => void
  /** Closes each connection once everything asked on it is answered. */
  readonly drain: Effect.Effect<void>
  readonly running: () => Running
  /** Waits until nobody is connected any more. */
  readonly gone: Effect.Effect<void>
  /** Cuts off who is still there. */
  readonly close: () => void
}

export const makeWebSocket = (context: Context.Context<McpServices>): McpWebSocket => {
  const server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE, perMessageDeflate: false, handleProtocols: () => SUBPROTOCOL })
  const clients = new Map<WebSocket, Channel>()

  const serve = (socket: WebSocket, principal: Principal) => {
    const channel = openChannel(context, principal, {
      write: (message) => socket.send(joined(message), { binary: false }),
      waiting: () => socket.bufferedAmount,
      close: (why) => letGo(socket, CLOSE.tryAgainLater, why)
    })
    const stop = keepAlive(socket, KEEP_ALIVE)
    clients.set(socket, channel)
    socket.on("message", (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return
      if (isBinary) return letGo(socket, CLOSE.unsupported, "A message is a text frame")
      channel.receive(bytesOf(data))
    })
    // A frame that breaks the rules; ws closes with the code for it.
    socket.on("error", () => {})
    socket.once("close", () => {
      clients.delete(socket)
      stop()
      channel.end()
    })
  }

  const upgrade: McpWebSocket["upgrade"] = (request, socket, head, principal) => {
    if (!offered(request).includes(SUBPROTOCOL)) {
      return refuseUpgrade(socket, { status: 400, why: `The subprotocol "${SUBPROTOCOL}" must be offered` })
    }
    if (clients.size >= CLIENTS) return refuseUpgrade(socket, { status: 503, why: "Too many clients are connected; try again later" })
    server.handleUpgrade(request, socket, head, (open) => serve(open, principal))
  }

  const drain = Effect.suspend(() =>
    Effect.forEach(clients, ([socket, channel]) =>
      Effect.andThen(channel.drain, Effect.sync(() => socket.close(CLOSE.goingAway, "The gateway is stopping"))), {
      concurrency: "unbounded",
      discard: true
    })
  )
  return {
    handle: (_, response) => refuse(response, { status: 426, why: "This path is for WebSocket" }, { upgrade: "websocket" }),
    upgrade,
    drain,
    running: () => sumOf([...clients.values()].map(({ running }) => running())),
    gone: Effect.gen(function*() {
      while (clients.size > 0) yield* Effect.sleep("10 millis")
    }),
    close: () => {
      for (const socket of clients.keys()) socket.terminate()
    }
  }
}

/** Refuses a request for an upgrade, which has no response object. */
export const refuseUpgrade = (socket: Duplex, { status, why }: Refused, headers: Readonly<Record<string, string>> = {}): void => {
  const body = errorOf("null", CODE.invalidRequest, why).join("")
  const more = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${value}`).join("")
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}${more}`
  socket.on("error", () => {})
  socket.once("finish", () => socket.destroy())
  socket.end(`${head}\r\n\r\n${body}`)
}

const offered = ({ headers }: IncomingMessage): ReadonlyArray<string> =>
  (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim())

const letGo = (socket: WebSocket, code: number, why: string) => {
  socket.close(code, why)
  setTimeout(() => socket.terminate(), LINGER).unref()
}

const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : new Uint8Array(data)
}
