/** Keeps what was granted until shortly before it ends; many calls at once are one question. */
import { Clock, Deferred, Effect, Exit, Redacted } from "effect"
import type { Granted } from "./Grant.ts"

/** How long, in milliseconds, before its end a token is replaced. */
const AHEAD = 30_000

/** Most tokens that are kept. */
const MOST = 10_000

export interface Remembering<E> {
  readonly remembered: (key: string, ask: Effect.Effect<Granted, E>) => Effect.Effect<Redacted.Redacted<string>, E>
  /** The next one is got anew, unless what is kept is another one than this by now. */
  readonly forget: (key: string, refused: Redacted.Redacted<string> | undefined) => void
}

export const remembering = <E>() => Effect.sync((): Remembering<E> => {
  const kept = new Map<string, Granted>()
  const asking = new Map<string, Deferred.Deferred<Granted, E>>()

  const asked = (key: string, ask: Effect.Effect<Granted, E>) =>
    Effect.suspend(() => {
      const running = asking.get(key)
      if (running !== undefined) return Deferred.await(running)
      const done = Deferred.makeUnsafe<Granted, E>()
      asking.set(key, done)
      const settle = (exit: Exit.Exit<Granted, E>) =>
        Effect.sync(() => {
          asking.delete(key)
          for (const oldest of kept.keys()) {
            if (kept.size < MOST) break
            kept.delete(oldest)
          }
          if (Exit.isSuccess(exit)) kept.set(key, exit.value)
          Deferred.doneUnsafe(done, exit)
        })
      // Whoever asked first may give up; the others still get their answer.
      return Effect.andThen(Effect.forkDetach(Effect.onExit(ask, settle)), Deferred.await(done))
    })

  const remembered = (key: string, ask: Effect.Effect<Granted, E>): Effect.Effect<Redacted.Redacted<string>, E> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const have = kept.get(key)
      if (have !== undefined && have.until - AHEAD > now) return Effect.succeed(have.token)
      // One that still works is better than none while the issuer is away.
      return asked(key, ask).pipe(
        Effect.map(({ token }) => token),
        Effect.catch((failure) => have !== undefined && have.until > now ? Effect.succeed(have.token) : Effect.fail(failure))
      )
    })

  const forget: Remembering<E>["forget"] = (key, refused) => {
    const have = kept.get(key)
    if (have !== undefined && (refused === undefined || Redacted.value(have.token) === Redacted.value(refused))) kept.delete(key)
  }

  return { remembered, forget }
})
