/**
 * Opens the conversation with one backend: starts its process or connects to its
 * address, and settles the era. Everything opened here ends with the scope.
 */
import { Effect, Schedule } from "effect"
import { logLines } from "../lib/LogLines.ts"
import { BackendFailed } from "./BackendFailed.ts"
import { HANDSHAKE } from "./Handshake.ts"
import type { HttpTarget, OpenEffect, Opening } from "./Opened.ts"
import { openHttp } from "./OpenHttp.ts"
import { openStdio } from "./OpenStdio.ts"
import { openWebSocket } from "./OpenWebSocket.ts"
import { type Command, LOG_LINE, spawnChild } from "./transport/Stdio.node.ts"

export const open = (opening: Opening): OpenEffect => {
  switch (opening.target._tag) {
    case "Stdio":
      return openStdio(opening, opening.target.command)
    case "Http":
      return openHttp(opening, opening.target)
    case "WebSocket":
      return openWebSocket(opening, opening.target.endpoint)
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
