/** Lets a loader know what the manifest demands of what it takes anew. */
import { Duration, Effect } from "effect"
import { type Loader, Policy } from "#plugin"

/** The keys of a server that are demands. */
export interface Demands {
  readonly minimum_release_age?: Duration.Duration | undefined
  readonly provenance?: "recorded" | "required" | undefined
}

export const demanding = (loader: Loader.Loader, { minimum_release_age, provenance }: Demands): Loader.Loader => {
  const policy: Policy.Demanded = {
    ...(minimum_release_age === undefined ? {} : { minimumReleaseAge: Duration.toMillis(minimum_release_age) }),
    ...(provenance === undefined ? {} : { provenance })
  }
  const told = <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Policy.Policy, policy)
  const { prepare } = loader
  return {
    ...loader,
    resolve: told(loader.resolve),
    ...(prepare === undefined ? {} : { prepare: (resolved, directory) => told(prepare(resolved, directory)) }),
    launch: (directory, resolved, wanted) => told(loader.launch(directory, resolved, wanted))
  }
}
