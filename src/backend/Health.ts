/**
 * Finds out that a server hangs: asks it now and then for a sign of life, in the words of its era.
 * Whatever it says counts as one, an error too; a server that is busy with a call has the time of a call.
 */
import { Clock, Duration, Effect, Option } from "effect"
import type { Answer, Connection } from "./Connection.ts"
import { exchange, ownCall } from "./Handshake.ts"

export interface Health {
  /** From one question to the next; `undefined` where none is asked. */
  readonly interval: Duration.Duration | undefined
  /** How long an answer may take. */
  readonly timeout: Duration.Duration
  /** Questions in a row without an answer after which it hangs. */
  readonly failures: number
  /** How long, in milliseconds, a call may keep a server that answers nothing else meanwhile. */
  readonly patience: number
}

/** How long it takes until somebody notices that questions are wanted again. */
const LOOK = Duration.seconds(5)

/** Asks until the connection hangs; says then for how long it has been silent. */
export const hanging = Effect.fnUntraced(function*(connection: Connection, health: () => Health): Effect.fn.Return<string> {
  let missed = 0
  let heardAt = yield* Clock.currentTimeMillis
  let askedAt = heardAt
  let { heard } = connection
  for (;;) {
    const { failures, interval, patience, timeout } = health()
    const waited = (yield* Clock.currentTimeMillis) - askedAt
    yield* Effect.sleep(interval === undefined ? LOOK : Math.max(0, Duration.toMillis(interval) - waited))
    askedAt = yield* Clock.currentTimeMillis
    if (interval === undefined) continue
    const answer = yield* Effect.timeoutOption(exchange(connection, questionIn(connection)), timeout)
    const now = yield* Clock.currentTimeMillis
    if (connection.heard !== heard || Option.exists(answer, isSign)) {
      missed = 0
      heardAt = now
    } else if (connection.inFlight === 0 || now - heardAt >= patience) missed++
    heard = connection.heard
    if (missed >= failures) return `does not answer any more: ${missed} health checks in a row, nothing for ${spanOf(now - heardAt)}`
  }
})

const spanOf = (millis: number): string => Duration.format(Duration.millis(millis < 1000 ? millis : Math.round(millis / 1000) * 1000))

const questionIn = ({ era }: Connection) => era === "modern" ? ownCall("server/discover", "") : ownCall("ping", "")

/** What a proxy says of a server that it cannot reach. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504])

/** A refusal over HTTP is an answer too. */
const isSign = (answer: Answer): boolean => {
  if (answer.kind !== "failed") return true
  const { kind, status } = answer.failure
  return status === undefined ? kind === "stream_ended" || kind === "too_large" : !AWAY.has(status)
}
