/**
 * What the manifest demands of what is taken anew from a registry. A loader reads it while it resolves, prepares and
 * launches; what a lock answers already was judged when the lock was written.
 */
import { Clock, Context, Effect } from "effect"

export interface Demanded {
  /** Milliseconds since a version was published; nothing younger is taken where the registry says when that was. */
  readonly minimumReleaseAge?: number
  /** `required`: nothing is taken that the registry has not signed. Else what is found is noted. */
  readonly provenance?: "recorded" | "required"
}

/** Demands nothing unless the host says otherwise. */
export const Policy = Context.Reference<Demanded>("manifold/plugin/Policy", { defaultValue: () => ({}) })

/** The latest moment at which something may have been published, in milliseconds since 1970; nothing where any will do. */
export const latest = Effect.gen(function*() {
  const { minimumReleaseAge } = yield* Policy
  return minimumReleaseAge === undefined ? undefined : (yield* Clock.currentTimeMillis) - minimumReleaseAge
})
