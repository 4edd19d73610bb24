/**
 * The HTTP server: limits on headers and time, our hosts and origins only, the paths of
 * MCP to their fronts, everything else to the routes it is given. When its scope closes
 * it takes no new work, lets answers finish within the drain time, and goes.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { type AddressInfo, Server as NetServer, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Duration, Effect, type Scope } from "effect"
import { admissionFor, admit } from "./Admission.node.ts"
import { type Running, sumOf } from "./Channel.ts"
import { Catalogue } from "../catalogue/Catalogue.ts"
import { Authentication } from "../guard/Authentication.ts"
import { Audit } from "../observe/Audit.ts"
import { type Denied, entrance } from "./Entrance.node.ts"
import { type Handle, make as makeHttp, refuse } from "./Http.node.ts"
import type { McpServices } from "./McpServices.ts"
import { Sessions } from "./Sessions.ts"
import { makeSse } from "./Sse.node.ts"
import { untilExpiry } from "./UntilExpiry.ts"
import { ListenFailed, serverWith, type TlsFiles } from "./Server.node.ts"
import { makeWebSocket, refuseUpgrade } from "./WebSocket.node.ts"

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Where each way in is served; `undefined` for one that is off. */
  readonly paths: {
    readonly http: string
    readonly sse: string | undefined
    readonly websocket: string | undefined
  }
  readonly base: string | undefined
  readonly hosts: ReadonlyArray<string>
  readonly origins: ReadonlyArray<string>
  readonly drain: Duration.Duration
  /** What everybody may ask: whether the gateway is there, and how to sign in. */
  readonly isPublic: (path: string) => boolean
  /** What it takes to listen on https. */
  readonly tls: TlsFiles | undefined
  /** Everything that is no path of MCP. */
  readonly others: (request: IncomingMessage, response: ServerResponse) => void
  /** Address of the protected resource metadata of an endpoint, if there is sign-in. */
  readonly metadata: (path: string) => string | undefined
  /** Runs when the server begins to stop. */
  readonly stopping: () => void
}

/** The server that an endpoint of one server is for. */
export const serverIn = (path: string): string | undefined => /^\/servers\/([a-z][a-z0-9-]{0,62})\/mcp$/u.exec(path)?.[1]

const NO_SERVER = { status: 404, why: "There is no server of this name" }

const STOPPING = { status: 503, why: "The gateway is stopping" }

/** How long, in milliseconds, clients on WebSockets have to take leave. */
const FAREWELL = 1000

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  keepAliveTimeout: 75_000,
  noDelay: true
}
const CONNECTIONS = 10_000

/** Listens until the scope closes; gives the address, which matters with port 0. */
export const listen = Effect.fnUntraced(function*(
  options: ListenOptions
): Effect.fn.Return<{ readonly host: string; readonly port: number; readonly running: () => Running }, ListenFailed, Authentication | McpServices | Scope.Scope> {
  const context = yield* Effect.context<McpServices>()
  const fork = Effect.runForkWith(context)
  const sessions = yield* Sessions
  const catalogue = yield* Catalogue
  const { pass, passOperator } = entrance(yield* Authentication, { audit: yield* Audit, fork, metadata: options.metadata })
  const { paths } = options
  const mcp = makeHttp(context)
  const sse = paths.sse === undefined ? undefined : makeSse(context, paths.sse)
  const webSocket = paths.websocket === undefined ? undefined : makeWebSocket(context)
  const routes = new Map<string, Handle>([[paths.http, mcp.handle], ...sse?.routes ?? []])
  if (webSocket !== undefined && paths.websocket !== undefined) routes.set(paths.websocket, webSocket.handle)
  const takeIn = (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOf(request.url)
    if (options.isPublic(path)) return options.others(request, response)
    const server = serverIn(path)
    const { access, has } = catalogue.current()
    // With rules it is not for everybody to know which servers there are: then this waits for who asks.
    if (server !== undefined && access === undefined && !has(server)) return refuse(response, NO_SERVER)
    const handle = server === undefined ? routes.get(path) : mcp.handle
    const deny = (denied: Denied) => refuse(response, denied, denied.headers)
    if (handle === undefined) passOperator({ path: paths.http, request, deny, enter: () => options.others(request, response) })
    else pass({ path: server === undefined ? paths.http : path, request, deny, enter: (principal) => {
        if (server !== undefined && catalogue.current().at(server, principal) === undefined) return refuse(response, NO_SERVER)
        if (request.method === "GET") response.once("close", untilExpiry(principal, () => response.destroy()))
        handle(request, response, { principal, server })
      } })
  }
  const fronts = [mcp, ...sse === undefined ? [] : [sse], ...webSocket === undefined ? [] : [webSocket]]
  // Other upgrades, such as h2c, go on as the plain requests that they are (before Node 24.9 they are refused).
  const server = yield* serverWith(options.tls, { ...LIMITS, shouldUpgradeCallback: ({ url }) => pathOf(url) === paths.websocket }, options)
  server.maxConnections = CONNECTIONS
  server.maxHeadersCount = 0
  let isStopping = false
  const sockets = new Set<Socket>()
  server.on(options.tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })

  yield* Effect.acquireRelease(bound(server, options), () =>
    Effect.gen(function*() {
      isStopping = true
      options.stopping()
      // `close` of an HTTP server would cut off answers that a slow client is still reading.
      NetServer.prototype.close.call(server)
      for (const session of sessions.all()) session.stream?.end()
      const drained = Effect.forEach(fronts, ({ drain }) => drain, { concurrency: "unbounded", discard: true })
      yield* Effect.timeoutOption(Effect.andThen(drained, sent(sockets)), options.drain)
      if (webSocket !== undefined) yield* Effect.timeoutOption(webSocket.gone, FAREWELL)
      webSocket?.close()
      server.close()
      server.closeAllConnections()
    }))
  const { port } = addressOf(server)
  const admission = admissionFor({ ...options, port, scheme: options.tls === undefined ? "http" : "https" })

  // Such as no file descriptor left for one more connection: those that are open go on.
  server.on("error", (cause) => fork(Effect.logWarning("A connection could not be taken", cause)))
  server.on("clientError", (error, socket) => {
    const status = "code" in error && error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large"
      : "code" in error && error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request"
    if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
    socket.destroy()
  })
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const refused = isStopping ? STOPPING : admit(request, admission)
    if (refused !== undefined) return refuse(response, refused)
    takeIn(request, response)
  })
  if (webSocket !== undefined) {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const refused = (isStopping ? STOPPING : admit(request, admission)) ??
        (pathOf(request.url) === paths.websocket ? undefined : { status: 400, why: "Nothing is upgraded here" })
      if (refused !== undefined) return refuseUpgrade(socket, refused)
      pass({
        path: paths.http,
        request,
        deny: (denied) => refuseUpgrade(socket, denied, denied.headers),
        enter: (principal) => {
          socket.once("close", untilExpiry(principal, () => socket.destroy()))
          webSocket.upgrade(request, socket, head, principal)
        }
      })
    })
  }
  return { host: options.host, port, running: () => sumOf(fronts.map(({ running }) => running())) }
})

const pathOf = (url = "/"): string => {
  const query = url.indexOf("?")
  return query === -1 ? url : url.slice(0, query)
}

const bound = (server: Server, { host, port }: ListenOptions) =>
  Effect.callback<void, ListenFailed>((resume) => {
    server.once("error", (cause) => resume(Effect.fail(new ListenFailed({ host, port, cause }))))
    server.listen({ host, port }, () => resume(Effect.void))
  })

/** Waits until nothing is left to write. */
const sent = Effect.fnUntraced(function*(sockets: ReadonlySet<Socket>) {
  while ([...sockets].some(({ writableLength }) => writableLength > 0)) yield* Effect.sleep("10 millis")
})

const addressOf = (server: Server): Pick<AddressInfo, "port"> => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address : { port: 0 }
}
