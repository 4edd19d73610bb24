/** Builds identity providers as the host does: config as in the manifest, real egress. */
import { Effect, Layer, Redacted } from "effect"
import type { Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { temporaryHost } from "./pluginHost.ts"

export const builtProvider = (name: string, config: unknown) =>
  Effect.flatMap(Registry, (registry) => registry.decode("provider", name, config)).pipe(
    Effect.flatMap((part) => part.build)
  )

export const providerHost = Layer.orDie(temporaryHost)

/** The reason of a refusal, or `good`. */
export const verdictOn = (provider: Plugin.Built["provider"], token: string, audience: string) =>
  provider.validate(Redacted.make(token), audience).pipe(
    Effect.as<string>("good"),
    Effect.catchTags({
      TokenRefused: ({ reason }) => Effect.succeed(reason),
      ProviderUnavailable: () => Effect.succeed("unavailable")
    })
  )
