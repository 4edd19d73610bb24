/**
 * A document of an issuer, fetched once for everybody who needs it and then kept.
 *
 * It stays good for a while when the issuer is down. Who asks for a newer one is held to one
 * fetch in a while, because strangers can make us ask. Time is measured by the monotonic clock.
 */
import { Clock, Deferred, Effect, Exit } from "effect"

export interface Kept<A, E> {
  readonly current: Effect.Effect<A, E>
  /** Fetched again if the last time that somebody wanted it newer is long enough ago. */
  readonly newer: Effect.Effect<A, E>
}

export interface Times {
  /** When it is fetched again, while the old one is still used. */
  readonly fresh: number
  /** How long it is used when it cannot be fetched. */
  readonly good: number
  /** Between two fetches for something newer, and between two that failed. */
  readonly pause: number
}

const MINUTE = 60_000

/** For metadata and keys alike. */
export const TIMES: Times = { fresh: 10 * MINUTE, good: 24 * 60 * MINUTE, pause: MINUTE / 2 }

/** With nothing at hand every caller suffers, so that the issuer is tried again sooner. */
const PAUSE_EMPTY = 2000

const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

export const kept = <A, E>(fetch: Effect.Effect<A, E>, { fresh, good, pause }: Times): Kept<A, E> => {
  let held: { readonly value: A; readonly since: number } | undefined
  let failure: { readonly exit: Exit.Exit<A, E>; readonly at: number } | undefined
  let running: Deferred.Deferred<A, E> | undefined
  let wantedNewer: number | undefined

  const settle = (done: Deferred.Deferred<A, E>) => (exit: Exit.Exit<A, E>) =>
    Effect.map(now, (at) => {
      running = undefined
      failure = Exit.isSuccess(exit) ? undefined : { exit, at }
      if (Exit.isSuccess(exit)) held = { value: exit.value, since: at }
      Deferred.doneUnsafe(done, exit)
    })

  /** It belongs to nobody who waits for it: the first one may give up, and the others still get their answer. */
  const fetched = Effect.suspend(() => {
    if (running !== undefined) return Deferred.await(running)
    const done = Deferred.makeUnsafe<A, E>()
    running = done
    return Effect.andThen(Effect.forkDetach(Effect.onExit(fetch, settle(done))), Deferred.await(done))
  })

  /** What is at hand if it is still good, else a fetch, but not too soon after one that failed. */
  const current = Effect.flatMap(now, (at) => {
    const age = held === undefined ? Infinity : at - held.since
    const sinceFailure = failure === undefined ? Infinity : at - failure.at
    if (held !== undefined && age < good) {
      const isDue = age >= fresh && sinceFailure >= pause && running === undefined
      return Effect.as(isDue ? Effect.forkDetach(Effect.exit(fetched)) : Effect.void, held.value)
    }
    return failure !== undefined && sinceFailure < PAUSE_EMPTY ? failure.exit : fetched
  })

  const newer = Effect.flatMap(now, (at) => {
    if (wantedNewer !== undefined && at - wantedNewer < pause) return current
    wantedNewer = at
    return Effect.catch(fetched, () => current)
  })

  return { current, newer }
}
