import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import type { Observer } from "../../../src/backend/Connection.ts"
import type { Opening } from "../../../src/backend/Opened.ts"
import { openWebSocket } from "../../../src/backend/OpenWebSocket.ts"
import { Children } from "../../../src/backend/transport/Children.ts"
import { MESSAGE_LIMIT } from "../../../src/backend/transport/Transport.ts"

describe("a server over WebSocket", () => {
  it.live("gets the fixed headers and the subprotocol with the upgrade, and those of a credential on a socket of its own", () =>
    Effect.gen(function*() {
      const { open, upgrades } = yield* serverWith(legacy)
      const { opened } = yield* open({ "x-key": "fixed" })
      assert.deepInclude(upgrades[0], { "x-key": "fixed", "sec-websocket-protocol": "mcp" })
      yield* opened.further?.open({ observer: quiet, capabilities: "{}", headers: { authorization: "Bearer t" }, isHeard: false }) ?? Effect.void
      assert.deepInclude(upgrades[1], { "x-key": "fixed", authorization: "Bearer t" })
      assert.notProperty(upgrades[0], "authorization")
    }).pipe(Effect.scoped, Effect.provide(children)))

  it.live("that hangs up at the first question is asked the second on a new socket", () =>
    Effect.gen(function*() {
      const { open, upgrades } = yield* serverWith((socket, method, id) => method === "server/discover" ? socket.close() : legacy(socket, method, id))
      const { closed, opened } = yield* open()
      assert.strictEqual(opened.handshake.era, "legacy")
      assert.strictEqual(upgrades.length, 2)
      assert.deepStrictEqual(closed, [])
    }).pipe(Effect.scoped, Effect.provide(children)))

  it.live("that refuses the first question is asked the second on the same socket", () =>
    Effect.gen(function*() {
      const { open, upgrades } = yield* serverWith(legacy)
      assert.strictEqual((yield* open()).opened.handshake.era, "legacy")
      assert.strictEqual(upgrades.length, 1)
    }).pipe(Effect.scoped, Effect.provide(children)))

  for (const [status, reason] of [[302, "unreachable"], [401, "unauthorized"], [403, "unauthorized"], [404, "unreachable"]] as const) {
    it.live(`that answers with ${status} is not followed or taken for open: it is ${reason}`, () =>
      Effect.gen(function*() {
        const { base, upgrades } = yield* serverWith(legacy)
        const refusing = yield* httpWith(status, { location: base })
        const failed = yield* Effect.flip(openWebSocket(openingAt(quiet), { url: new URL(refusing), headers: {} }))
        assert.deepInclude({ ...failed }, { reason, status })
        assert.strictEqual(upgrades.length, 0)
      }).pipe(Effect.scoped, Effect.provide(children)))
  }

  it.live("that does not listen is unreachable, by a reason without its address", () =>
    Effect.gen(function*() {
      const { base, close } = yield* serverWith(legacy)
      close()
      const failed = yield* Effect.flip(openWebSocket(openingAt(quiet), { url: new URL(base), headers: {} }))
      assert.deepInclude({ ...failed }, { reason: "unreachable", detail: "does not listen at its address (ECONNREFUSED)" })
    }).pipe(Effect.scoped, Effect.provide(children)))

  for (const [what, misbehave, why] of [
    ["closes", (socket: WebSocket) => socket.close(1011, "secret-of-the-backend"), "closed its WebSocket (code 1011)"],
    ["goes away", (socket: WebSocket) => socket.close(1001), "is going away (WebSocket code 1001)"],
    ["is cut off", (socket: WebSocket) => socket.terminate(), "lost its WebSocket"],
    ["sends a binary frame", (socket: WebSocket) => socket.send(Buffer.from("{}"), { binary: true }), "sent a binary frame"],
    ["sends too much", (socket: WebSocket) => socket.send("x".repeat(MESSAGE_LIMIT + 1)), `sent a message of more than ${MESSAGE_LIMIT} bytes`]
  ] as const) {
    it.live(`that ${what} ends the connection and what is in flight, and the reason says so in our words`, () =>
      Effect.gen(function*() {
        const { open } = yield* serverWith((socket, method, id) => method === "tools/call" ? misbehave(socket) : legacy(socket, method, id))
        const { closed, opened } = yield* open()
        const answer = yield* Effect.callback((resume) => {
          opened.connection.call({ method: "tools/call", params: "", meta: "", envelope: { capabilities: "{}" }, headers: {} }, {
            notify: () => {},
            log: () => {},
            done: (answer) => resume(Effect.succeed(answer))
          })
        })
        // The observer hears after those who wait.
        yield* Effect.yieldNow
        assert.deepStrictEqual(answer, { kind: "failed", failure: { kind: "closed", detail: why } })
        assert.deepStrictEqual(closed, [why])
      }).pipe(Effect.scoped, Effect.provide(children)))
  }

  it.live("sees its socket closed when the gateway lets it go", () =>
    Effect.gen(function*() {
      const { clients, open } = yield* serverWith(legacy)
      yield* Effect.scoped(open())
      const [socket] = clients
      if (socket !== undefined && socket.readyState !== socket.CLOSED) yield* Effect.promise(() => once(socket, "close"))
      assert.strictEqual(clients.length, 1)
    }).pipe(Effect.scoped, Effect.provide(children)))
})

type Answer = (socket: WebSocket, method: string, id: unknown) => void

const legacy: Answer = (socket, method, id) => {
  const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "socket", version: "1" } }
  const answer = method === "initialize" ? { result } : { error: { code: -32601, message: "no" } }
  if (id !== undefined) socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer }))
}

const quiet: Observer = { notified: () => {}, closed: () => {}, garbage: () => {} }

const children = Layer.succeed(Children, { remember: () => {}, forget: () => Effect.void })

const openingAt = (observer: Observer): Opening => ({
  backend: "socket",
  target: { _tag: "WebSocket", endpoint: { url: new URL("ws://127.0.0.1"), headers: {} } },
  observer,
  capabilities: "{}",
  remembered: undefined,
  log: () => {}
})

const addressOf = (server: ReturnType<typeof createServer>) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`

/** A server that answers every request, upgrades too, with this status. */
const httpWith = (status: number, headers: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((_, response) => response.writeHead(status, headers).end("secret-of-the-backend"))
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) => Effect.sync(() => server.close().closeAllConnections())
  ).pipe(Effect.map(addressOf))

/** A server of WebSockets, with the upgrades it saw and a way to open a conversation with it. */
const serverWith = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer()
      const upgrades: Array<IncomingHttpHeaders> = []
      const clients: Array<WebSocket> = []
      new WebSocketServer({ server }).on("connection", (socket, { headers }) => {
        upgrades.push(headers)
        clients.push(socket)
        socket.on("message", (data) => {
          const { id, method } = JSON.parse(String(data))
          answer(socket, method, id)
        })
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const base = addressOf(server)
      const open = (headers: Readonly<Record<string, string>> = {}) => {
        const closed: Array<string> = []
        const opening = openingAt({ ...quiet, closed: (why) => closed.push(why) })
        return Effect.map(openWebSocket(opening, { url: new URL(base), headers }), (opened) => ({ opened, closed }))
      }
      const close = () => {
        server.close()
        for (const socket of clients) socket.terminate()
      }
      return { base, clients, close, open, upgrades }
    }),
    ({ close }) => Effect.sync(close)
  )
