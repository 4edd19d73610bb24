/**
 * Settles the era on a channel that carries both ways, such as a process or a WebSocket:
 * `server/discover` first, then `initialize` on the same channel, or on a new one where the
 * server hung up at the first question.
 */
import { Effect, Fiber, type Scope } from "effect"
import type { BackendFailed } from "./BackendFailed.ts"
import { Connection } from "./Connection.ts"
import { discover, greet, type Handshake } from "./Handshake.ts"
import type { Opened, Opening } from "./Opened.ts"

/** How long, in milliseconds, a server may leave the first question unanswered before it gets the second too. */
const PROBE = 3000

type Settling = Pick<Opening, "backend" | "capabilities" | "observer" | "remembered">

/** Opens a channel and attaches the connection to it. */
export type Attach<E, R> = (connection: Connection) => Effect.Effect<void, E, R>

export const settleEra = Effect.fnUntraced(function*<E, R>(
  settling: Settling,
  attach: Attach<E, R>
): Effect.fn.Return<Opened, BackendFailed | E, R | Scope.Scope> {
  if (settling.remembered !== "legacy") {
    const { connection, keep } = yield* start(settling, attach)
    const answer = yield* Effect.forkScoped(discover(settling.backend, connection))
    const modern = yield* Effect.timeoutOption(Fiber.join(answer), PROBE)
    if (!connection.isClosed) {
      keep()
      return modern._tag === "Some" && modern.value !== undefined
        ? { connection, handshake: modern.value }
        : yield* firstToAnswer(settling, connection, answer, modern._tag === "None")
    }
  }
  // Some servers exit at a request before initialize: they get a channel that never sees one.
  const { connection, keep } = yield* start(settling, attach)
  keep()
  return yield* greet(settling, connection)
})

/** A server that says nothing to the first question may be slow or may not know it: the second decides, unless the first is answered yet. */
const firstToAnswer = Effect.fnUntraced(function*(
  settling: Settling,
  connection: Connection,
  answer: Fiber.Fiber<Handshake | undefined, BackendFailed>,
  isWaiting: boolean
) {
  const greeted = greet(settling, connection)
  if (!isWaiting) return yield* greeted
  const late = Effect.flatMap(Fiber.join(answer), (handshake) => handshake === undefined ? Effect.never : Effect.succeed(handshake)).pipe(
    Effect.map((handshake): Opened => {
      connection.era = "modern"
      return { connection, handshake }
    })
  )
  return yield* Effect.raceFirst(late, greeted).pipe(Effect.ensuring(Fiber.interrupt(answer)))
})

/** A connection over a new channel. Until it is kept, its end is an answer and not yet a failure. */
const start = Effect.fnUntraced(function*<E, R>({ observer }: Settling, attach: Attach<E, R>) {
  let isKept = false
  const connection = new Connection({ ...observer, closed: (why) => isKept ? observer.closed(why) : undefined })
  yield* attach(connection)
  yield* Effect.addFinalizer(() => Effect.sync(() => connection.close("the gateway closed the connection")))
  return {
    connection,
    keep: () => {
      isKept = true
    }
  }
})
