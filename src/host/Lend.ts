/** Gives what a plugin built the services it still asks for, and turns what it throws into its typed failure. */
import { type Context, Effect } from "effect"
import { Loader, Plugin } from "#plugin"

type LendTo = {
  readonly [K in Plugin.Kind]: (
    name: string,
    built: Plugin.Built<Plugin.Lent>[K],
    lent: Context.Context<Plugin.Lent>
  ) => Plugin.Built[K]
}

export const lendTo: LendTo = {
  auth: (_name, strategy) => strategy,

  loader: (name, { resolve, prepare, launch, swap = "overlap" }, lent) => {
    const guarded = <A>(step: string, effect: Effect.Effect<A, Loader.LoadFailed, Plugin.Lent>) =>
      effect.pipe(
        Effect.catchDefect((cause) => Effect.fail(new Loader.LoadFailed({ source: name, step, cause }))),
        Effect.provideContext(lent)
      )
    return {
      swap,
      resolve: guarded("resolve", resolve),
      ...prepare !== undefined && {
        prepare: (resolved: Loader.Resolved, directory: string) =>
          guarded("prepare", Effect.suspend(() => prepare(resolved, directory)))
      },
      launch: (directory, resolved) => guarded("launch", Effect.suspend(() => launch(directory, resolved)))
    }
  }
}
