/** Gives what a plugin built the services it still asks for, and turns what it throws into its typed failure. */
import { type Context, Effect } from "effect"
import { Loader, type Plugin, Provider } from "#plugin"

type LendTo = {
  readonly [K in Plugin.Kind]: (
    name: string,
    built: Plugin.Built<Plugin.Lent>[K],
    lent: Context.Context<Plugin.Lent>
  ) => Plugin.Built[K]
}

export const lendTo: LendTo = {
  auth: (_name, strategy) => strategy,

  provider: (name, { issuer, validate, believedFor, browser, metadata, refresh, userInfo }) => {
    const broken = (cause: unknown) => {
      // What a plugin throws may say anything, also the token; so that is no part of the message.
      const detail = `could not be asked: the provider "${name}" broke (${cause instanceof Error ? cause.name : typeof cause})`
      return new Provider.ProviderUnavailable({ issuer, detail })
    }
    const guarded = <A, E>(ask: () => Effect.Effect<A, E>): Effect.Effect<A, E | Provider.ProviderUnavailable> =>
      Effect.catchDefect(Effect.suspend(ask), (cause) => Effect.fail(broken(cause)))
    return {
      issuer,
      believedFor: Math.min(Math.max(believedFor, 0), 60_000),
      validate: (token, audience) => Effect.flatMap(guarded(() => validate(token, audience)), soundFor(issuer)),
      metadata: guarded(() => metadata),
      refresh: (token) => guarded(() => refresh(token)),
      userInfo: (token) => guarded(() => userInfo(token)),
      ...browser !== undefined && {
        browser: {
          clientId: browser.clientId,
          scopes: browser.scopes,
          redeem: (returned: Provider.Returned) =>
            Effect.tap(guarded(() => browser.redeem(returned)), ({ identity }) => soundFor(issuer)(identity))
        }
      }
    }
  },

  loader: (name, { resolve, stands, prepare, launch, follows = false, swap = "overlap" }, lent) => {
    const guarded = <A>(step: string, effect: Effect.Effect<A, Loader.LoadFailed, Plugin.Lent>) =>
      effect.pipe(
        Effect.catchDefect((cause) => Effect.fail(new Loader.LoadFailed({ source: name, step, cause }))),
        Effect.provideContext(lent)
      )
    return {
      swap,
      follows,
      resolve: guarded("resolve", resolve),
      ...stands !== undefined && {
        stands: (resolved: Loader.Resolved) =>
          Effect.provideContext(Effect.catchDefect(Effect.suspend(() => stands(resolved)), () => Effect.succeed(false)), lent)
      },
      ...prepare !== undefined && {
        prepare: (resolved: Loader.Resolved, directory: string) =>
          guarded("prepare", Effect.suspend(() => prepare(resolved, directory)))
      },
      launch: (directory, resolved, wanted) => guarded("launch", Effect.suspend(() => launch(directory, resolved, wanted)))
    }
  }
}

/** A provider speaks for its own issuer alone, and never for nobody. */
const soundFor = (issuer: string) => (identity: Provider.Identity) => {
  if (identity.issuer !== issuer) return refused("issuer", "the provider named another issuer than its own")
  if (identity.subject === "") return refused("subject", "the provider named no subject")
  return Number.isFinite(identity.expires) ? Effect.succeed(identity) : refused("malformed", "the provider named no end")
}

const refused = (reason: Provider.TokenRefused["reason"], detail: string) => Effect.fail(new Provider.TokenRefused({ reason, detail }))
