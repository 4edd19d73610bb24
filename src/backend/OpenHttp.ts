/**
 * Opens conversations with an address: revision 2026-07-28 first, then Streamable HTTP
 * with sessions, then the older HTTP+SSE (basic/versioning, "Backward Compatibility").
 */
import { Effect, type Scope } from "effect"
import type { Pool } from "undici"
import { BackendFailed } from "./BackendFailed.ts"
import { Connection, type Observer } from "./Connection.ts"
import { discover, greet } from "./Handshake.ts"
import type { HttpTarget, Opened, Opening } from "./Opened.ts"
import { type Endpoint, httpTransport, poolFor } from "./transport/Http.node.ts"
import { sseTransport } from "./transport/Sse.node.ts"
import type { Transport } from "./transport/Transport.ts"

/** How long, in milliseconds, an address may leave the first question unanswered. */
const PATIENCE = 10_000

/**
 * How long, in milliseconds, the shared stream may take to open before the session is used without it.
 * Some servers take it at once and say so only with their first event (SDK v2 on Node does).
 */
const STREAM = 250

/** One address as one conversation reaches it. */
interface Way {
  readonly backend: string
  readonly endpoint: Endpoint
  readonly pool: Pool
  readonly observer: Observer
  readonly capabilities: string
}

export const openHttp = Effect.fnUntraced(function*(
  opening: Opening,
  { endpoint, transport }: HttpTarget
): Effect.fn.Return<Opened, BackendFailed, Scope.Scope> {
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => poolFor(endpoint.url)),
    (pool) => Effect.promise(() => pool.close()).pipe(Effect.timeoutOption(1000), Effect.andThen(Effect.promise(() => pool.destroy())))
  )
  let isOpen = false
  const observer: Observer = { ...opening.observer, closed: (why) => isOpen ? opening.observer.closed(why) : undefined }
  const way: Way = { backend: opening.backend, endpoint, pool, observer, capabilities: opening.capabilities }
  const opened = yield* settle(way, transport, opening.remembered === "legacy")
  isOpen = true
  return opened
})

const settle = Effect.fnUntraced(function*(way: Way, transport: HttpTarget["transport"], isLegacy: boolean) {
  if (transport === "sse") return yield* overSse(way)
  const modern = isLegacy ? undefined : yield* modernHttp(way)
  if (modern !== undefined) return modern
  const greeted = yield* legacyHttp(way, true).pipe(Effect.catchIf(isNotFound, () => Effect.succeed(undefined)))
  if (greeted !== undefined) return greeted
  return transport === "auto"
    ? yield* overSse(way)
    : yield* new BackendFailed({ backend: way.backend, reason: "protocol", detail: "is no Streamable HTTP endpoint" })
})

const modernHttp = Effect.fnUntraced(function*(way: Way): Effect.fn.Return<Opened | undefined, BackendFailed, Scope.Scope> {
  const connection = yield* overHttp(way)
  const handshake = yield* discover(way.backend, connection).pipe(
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () => Effect.fail(new BackendFailed({ backend: way.backend, reason: "timed_out", detail: `did not answer within ${PATIENCE} ms` }))
    })
  )
  return handshake && { connection, handshake }
})

/** A session; its shared stream carries what belongs to no call. */
const legacyHttp = Effect.fnUntraced(function*(way: Way, isHeard: boolean): Effect.fn.Return<Opened, BackendFailed, Scope.Scope> {
  const opened = yield* greet(way, yield* overHttp(way))
  // What a server says before it has a stream to say it on is lost.
  if (isHeard) yield* Effect.timeoutOption(streamOf(opened.connection), STREAM)
  return {
    ...opened,
    further: { tellsCalls: true, isProcess: false, open: (more) => legacyHttp(withMore(way, more), more.isHeard) }
  }
})

const streamOf = (connection: Connection) =>
  Effect.callback<void>((resume) => connection.transport?.openStream(() => resume(Effect.void)))

const overSse = Effect.fnUntraced(function*(way: Way): Effect.fn.Return<Opened, BackendFailed, Scope.Scope> {
  const connection = new Connection(way.observer)
  const transport = yield* sseTransport(way.endpoint, way.pool, connection.receiver).pipe(
    Effect.timeout(PATIENCE),
    Effect.mapError((error) => noStream(way.backend, error))
  )
  yield* attach(connection, transport)
  return {
    ...(yield* greet(way, connection)),
    further: { tellsCalls: false, isProcess: false, open: (more) => overSse(withMore(way, more)) }
  }
})

const withMore = (way: Way, { capabilities, headers, observer }: Pick<Way, "capabilities" | "observer"> & Pick<Endpoint, "headers">): Way => ({
  ...way,
  capabilities,
  observer,
  // Who calls with a credential of its own does so from the first message on.
  endpoint: { url: way.endpoint.url, headers: { ...way.endpoint.headers, ...headers }, ...(Object.keys(headers).length === 0 && way.endpoint.own !== undefined ? { own: way.endpoint.own } : {}) }
})

const overHttp = (way: Way) => {
  const connection = new Connection(way.observer)
  return Effect.as(attach(connection, httpTransport(way.endpoint, way.pool, connection.receiver)), connection)
}

const attach = (connection: Connection, transport: Transport) =>
  Effect.acquireRelease(
    Effect.sync(() => connection.attach(transport)),
    () =>
      Effect.sync(() => {
        connection.close("the gateway closed the connection")
        transport.close()
      })
  )

/** The address takes no POST of the Streamable HTTP kind: maybe it is the older HTTP+SSE. */
const isNotFound = ({ status }: BackendFailed): boolean =>
  status !== undefined && status >= 400 && status < 500 && status !== 401 && status !== 403 && status !== 429

const noStream = (backend: string, error: { readonly _tag: string; readonly message: string }) =>
  new BackendFailed({
    backend,
    reason: "unreachable",
    detail: "detail" in error ? String(error.detail) : "did not open its event stream in time"
  })
