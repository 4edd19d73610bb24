/** How long to wait after a failure: longer each time, never in step with others, and once a budget is spent only now and then. */
import { Clock, Duration, Effect, Random } from "effect"

/** Restarts per minute before the instance counts as failed, and how long it then rests before each try until it is ready again. */
const BUDGET = 5
export const REST = Duration.minutes(5)
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 30_000

export interface Backoff {
  /** Counts a failure; gives how long to wait. */
  readonly failed: Effect.Effect<Duration.Duration>
  readonly succeeded: () => void
  /** Failures within the last minute, as of the last one. */
  readonly restarts: () => number
  /** The budget is spent, and nothing has succeeded since. */
  readonly isSpent: () => boolean
}

export const make = (): Backoff => {
  let starts: ReadonlyArray<number> = []
  /** Failures since the last success. */
  let inARow = 0
  let isSpent = false
  return {
    failed: Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      starts = [...starts.filter((at) => now - at < 60_000), now]
      inARow++
      isSpent ||= starts.length > BUDGET
      const jitter = yield* Random.nextBetween(0.5, 1)
      const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(starts.length, inARow))
      return isSpent ? REST : Duration.millis(jitter * longest)
    }),
    succeeded: () => {
      inARow = 0
      isSpent = false
    },
    restarts: () => starts.length,
    isSpent: () => isSpent
  }
}
