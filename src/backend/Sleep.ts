/** The sleep of an instance that nobody uses: from when it is put down until it is ready again or has failed to be. */
import { Deferred, Effect, Exit } from "effect"

export interface Sleep {
  readonly begin: () => void
  /** Ends it, if there is one; says whether there was. */
  readonly wake: () => boolean
  /** It runs again, or cannot. */
  readonly over: () => void
  /** Waits until somebody wakes it. */
  readonly untilWoken: Effect.Effect<void>
  readonly isOn: () => boolean
  /** Woken, and not yet over. */
  readonly isEnding: () => boolean
}

export const make = (): Sleep => {
  let woken: Deferred.Deferred<void> | undefined
  return {
    begin: () => {
      woken = Deferred.makeUnsafe<void>()
    },
    wake: () => {
      if (woken !== undefined) Deferred.doneUnsafe(woken, Exit.void)
      return woken !== undefined
    },
    over: () => {
      woken = undefined
    },
    untilWoken: Effect.suspend(() => woken === undefined ? Effect.void : Deferred.await(woken)),
    isOn: () => woken !== undefined,
    isEnding: () => woken !== undefined && Deferred.isDoneUnsafe(woken)
  }
}
