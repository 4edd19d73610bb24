/**
 * Opens a conversation with a process on its standard streams: starts it and settles the
 * era. A process that ended at the first question is started once more.
 */
import { Effect, Fiber, type Scope } from "effect"
import type { BackendFailed } from "./BackendFailed.ts"
import { Connection } from "./Connection.ts"
import { discover, greet, type Handshake } from "./Handshake.ts"
import type { OpenEffect, Opened, Opening } from "./Opened.ts"
import type { Children } from "./transport/Children.ts"
import { type Command, spawnChild, type SpawnFailed, stdioTransport } from "./transport/Stdio.node.ts"

/** How long, in milliseconds, a process may leave the first question unanswered before it gets the second too. */
const PROBE = 3000

/** A process, and how to have more of them. */
export const openStdio = (opening: Opening, command: Command): OpenEffect =>
  Effect.map(openProcess(opening, command), (opened): Opened => ({
    ...opened,
    further: {
      tellsCalls: opened.handshake.era === "modern",
      isProcess: true,
      open: ({ capabilities, observer }) =>
        openProcess({ ...opening, capabilities, observer, remembered: opened.handshake.era }, command)
    }
  }))

const openProcess = Effect.fnUntraced(function*(
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
