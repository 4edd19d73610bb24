/**
 * Holds the current instance of something and swaps it without failing its users:
 * the new one is published in one assignment, the old one is closed when its last
 * user is done or the drain time is over. (`ScopedRef` closes before it publishes.)
 */
import { Deferred, Duration, Effect, Exit, Scope } from "effect"

/** One instance with the scope that keeps it alive and the count of its users. */
export interface Tenant<A> {
  readonly value: A
  readonly scope: Scope.Closeable
  users: number
  leaving: boolean
  readonly left: Deferred.Deferred<void>
}

export interface Slot<A> {
  /** The instance that is current right now; not held: use `use` for anything that takes time. */
  readonly current: () => A | undefined
  /** Runs with the current instance, which stays open until the effect ends. */
  readonly use: <B, E, R, E2>(
    vacant: () => E2,
    run: (value: A) => Effect.Effect<B, E, R>
  ) => Effect.Effect<B, E | E2, R>
  /** Publishes `value`; the one before it drains in the background. */
  readonly replace: (value: A, scope: Scope.Closeable) => Effect.Effect<void>
  /** Leaves the slot empty and waits until the last instance has drained and closed. */
  readonly vacate: Effect.Effect<void>
}

export const make = <A>(drain: Duration.Duration, scope: Scope.Scope): Slot<A> => {
  let tenant: Tenant<A> | undefined

  const leave = (old: Tenant<A>) =>
    Effect.suspend(() => {
      old.leaving = true
      if (old.users === 0) Deferred.doneUnsafe(old.left, Exit.void)
      return Deferred.await(old.left).pipe(
        Effect.timeoutOption(drain),
        Effect.ensuring(Scope.close(old.scope, Exit.void)),
        Effect.asVoid
      )
    })

  const done = (tenant: Tenant<A>) => {
    tenant.users--
    if (tenant.users === 0 && tenant.leaving) Deferred.doneUnsafe(tenant.left, Exit.void)
  }

  return {
    current: () => tenant?.value,
    // An interruption between counting a user and `ensuring` would leave that user counted for ever.
    use: <B, E, R, E2>(vacant: () => E2, run: (value: A) => Effect.Effect<B, E, R>) =>
      Effect.uninterruptibleMask((restore): Effect.Effect<B, E | E2, R> => {
        const held = tenant
        if (held === undefined) return Effect.fail(vacant())
        held.users++
        return Effect.ensuring(restore(Effect.suspend(() => run(held.value))), Effect.sync(() => done(held)))
      }),
    replace: (value, valueScope) =>
      Effect.uninterruptible(Effect.suspend(() => {
        const old = tenant
        tenant = { value, scope: valueScope, users: 0, leaving: false, left: Deferred.makeUnsafe<void>() }
        return old === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(Effect.interruptible(leave(old)), scope))
      })),
    vacate: Effect.suspend(() => {
      const old = tenant
      tenant = undefined
      return old === undefined ? Effect.void : leave(old)
    })
  }
}
