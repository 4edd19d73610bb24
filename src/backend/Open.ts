/**
 * Opens the conversation with one backend: starts its process or connects to its
 * address, and settles the era. Everything opened here ends with the scope.
 */
import { Effect, Fiber, Schedule, type Scope } from "effect"
import { BackendFailed } from "./BackendFailed.ts"
import { Connection, type Observer } from "./Connection.ts"
import type { Era } from "./Era.ts"
import { discover, type Handshake, initialize } from "./Handshake.ts"
import type { Children } from "./transport/Children.ts"
import { type Endpoint, httpTransport, poolFor } from "./transport/Http.node.ts"
import { logLines } from "../lib/LogLines.ts"
import { sseTransport } from "./transport/Sse.node.ts"
import { type Command, LOG_LINE, spawnChild, SpawnFailed, stdioTransport } from "./transport/Stdio.node.ts"
import type { Transport } from "./transport/Transport.ts"

export type Target =
  | { readonly _tag: "Stdio"; readonly command: Command }
  | HttpTarget
  /** A child that serves HTTP on a port of its own. */
  | { readonly _tag: "Served"; readonly command: Command; readonly http: HttpTarget }

export interface HttpTarget {
  readonly _tag: "Http"
  readonly endpoint: Endpoint
  readonly transport: "auto" | "streamable_http" | "sse"
}

export interface Opening {
  readonly backend: string
  readonly target: Target
  readonly observer: Observer
  /** JSON text of the client capabilities to declare to a legacy backend. */
  readonly capabilities: string
  /** The era this very artifact spoke before; asked for first. */
  readonly remembered: Era | undefined
  readonly log: (line: string) => void
}

export interface Opened {
  readonly connection: Connection
  readonly handshake: Handshake
  /**
   * One more conversation that declares these client capabilities; only where the transport tells whose question is whose.
   * @param closed called when it ends before its scope does
   */
  readonly further?: (capabilities: string, closed: () => void) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
}

/**
 * How long, in milliseconds, a process may leave the first question unanswered before it gets
 * the second too; how long an address may; and how long the handshake may take.
 */
const PROBE = 3000
const HTTP_PROBE = 10_000
const HANDSHAKE = 120_000

type OpenEffect = Effect.Effect<Opened, BackendFailed | SpawnFailed, Scope.Scope | Children>

export const open = (opening: Opening): OpenEffect => {
  switch (opening.target._tag) {
    case "Stdio":
      return openStdio(opening, opening.target.command)
    case "Http":
      return openHttp(opening, opening.target)
    case "Served":
      return openServed(opening, opening.target.command, opening.target.http)
  }
}

/** Starts the child and asks its port until it answers, or until the child has ended. */
const openServed = Effect.fnUntraced(function*(opening: Opening, command: Command, http: HttpTarget) {
  const child = yield* spawnChild(opening.backend, command, opening.log)
  child.stdout?.on("data", logLines(LOG_LINE, opening.log))
  const ended = Effect.callback<never, BackendFailed>((resume) => {
    child.once("exit", (code, signal) =>
      resume(Effect.fail(
        new BackendFailed({ backend: opening.backend, reason: "closed", detail: `exited (${signal ?? `code ${code}`}) before it answered on its port` })
      )))
  })
  const opened = yield* openHttp(opening, http).pipe(
    Effect.retry({ schedule: Schedule.spaced("100 millis"), while: ({ reason }) => reason === "unreachable" }),
    Effect.timeoutOrElse({
      duration: HANDSHAKE,
      orElse: () => Effect.fail(new BackendFailed({ backend: opening.backend, reason: "timed_out", detail: "did not open its port in time" }))
    }),
    Effect.raceFirst(ended)
  )
  child.once("exit", (code, signal) => opened.connection.close(`exited (${signal ?? `code ${code}`})`))
  return opened
})

const openStdio = Effect.fnUntraced(function*(
  opening: Opening,
  command: Command
): Effect.fn.Return<Opened, BackendFailed | SpawnFailed, Scope.Scope | Children> {
  if (opening.remembered !== "legacy") {
    const asked = yield* start(opening, command, true)
    const answer = yield* discover(opening.backend, asked.connection).pipe(
      Effect.ensuring(Effect.sync(asked.settled)),
      Effect.forkScoped
    )
    const modern = yield* Effect.timeoutOption(Fiber.join(answer), PROBE)
    if (modern._tag === "Some" && modern.value !== undefined) return { connection: asked.connection, handshake: modern.value }
    if (asked.isOpen()) return yield* firstToAnswer(opening, asked.connection, answer, modern._tag === "None")
  }
  // Some servers exit at a request before initialize: they get a process that never sees one.
  const { connection } = yield* start(opening, command, false)
  return yield* greet(opening, connection)
})

/** A server that says nothing to the first question may be slow or may not know it: the second decides, unless the first is answered yet. */
const firstToAnswer = Effect.fnUntraced(function*(
  opening: Opening,
  connection: Connection,
  answer: Fiber.Fiber<Handshake | undefined, BackendFailed>,
  isWaiting: boolean
) {
  const greeted = greet(opening, connection)
  if (!isWaiting) return yield* greeted
  const late = Effect.flatMap(Fiber.join(answer), (handshake) => handshake === undefined ? Effect.never : Effect.succeed(handshake)).pipe(
    Effect.map((handshake): Opened => {
      connection.era = "modern"
      return { connection, handshake }
    })
  )
  return yield* Effect.raceFirst(late, greeted).pipe(Effect.ensuring(Fiber.interrupt(answer)))
})

const greet = (opening: Opening, connection: Connection) =>
  Effect.map(
    initialize(opening.backend, connection, opening.capabilities, HANDSHAKE),
    (handshake): Opened => ({ connection, handshake })
  )

/** A process with a connection over it. While `probing`, its end is an answer and not yet a failure. */
const start = Effect.fnUntraced(function*(opening: Opening, command: Command, probing: boolean) {
  let isProbe = probing
  let isOpen = true
  const connection = new Connection({
    ...opening.observer,
    closed: (why) => {
      isOpen = false
      if (!isProbe) opening.observer.closed(why)
    }
  })
  const child = yield* spawnChild(opening.backend, command, opening.log)
  connection.attach(stdioTransport(child, connection.receiver))
  yield* Effect.addFinalizer(() => Effect.sync(() => connection.close("the gateway closed the connection")))
  return {
    connection,
    isOpen: () => isOpen,
    settled: () => {
      isProbe = false
    }
  }
})

const openHttp = Effect.fnUntraced(function*(
  opening: Opening,
  { endpoint, transport }: HttpTarget
): Effect.fn.Return<Opened, BackendFailed, Scope.Scope> {
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => poolFor(endpoint.url)),
    (pool) => Effect.promise(() => pool.close()).pipe(Effect.timeoutOption(1000), Effect.andThen(Effect.promise(() => pool.destroy())))
  )
  let isOpen = false
  const connection = new Connection({ ...opening.observer, closed: (why) => isOpen ? opening.observer.closed(why) : undefined })
  const attached = (made: Transport) => attach(connection, made)
  const settled = (opened: Opened): Opened => {
    isOpen = true
    return opened
  }
  const overSse = Effect.gen(function*() {
    yield* attached(yield* sseTransport(endpoint, pool, connection.receiver).pipe(
      Effect.timeout(HTTP_PROBE),
      Effect.mapError((error) => noStream(opening.backend, error))
    ))
    return settled(yield* greet(opening, connection))
  })
  if (transport === "sse") return yield* overSse

  yield* attached(httpTransport(endpoint, pool, connection.receiver))
  if (opening.remembered !== "legacy") {
    const modern = yield* discover(opening.backend, connection).pipe(
      Effect.timeoutOrElse({
        duration: HTTP_PROBE,
        orElse: () => Effect.fail(new BackendFailed({ backend: opening.backend, reason: "timed_out", detail: `did not answer within ${HTTP_PROBE} ms` }))
      })
    )
    if (modern !== undefined) return settled({ connection, handshake: modern })
  }
  const greeted = yield* greet(opening, connection).pipe(Effect.catchIf(isNotFound, () => Effect.succeed(undefined)))
  if (greeted === undefined) {
    return transport === "auto"
      ? yield* overSse
      : yield* new BackendFailed({ backend: opening.backend, reason: "protocol", detail: "is no Streamable HTTP endpoint" })
  }
  connection.transport?.openStream()
  return settled({
    ...greeted,
    further: Effect.fnUntraced(function*(capabilities: string, closed: () => void) {
      const one = new Connection({ ...opening.observer, notified: () => {}, closed })
      yield* attach(one, httpTransport(endpoint, pool, one.receiver))
      yield* initialize(opening.backend, one, capabilities, HANDSHAKE)
      return one
    })
  })
})

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
