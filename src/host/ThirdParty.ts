/** Brings in third-party plugins; what that takes differs by platform (`ThirdParty.node.ts`). */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { Loader, Plugin } from "#plugin"

/** An entry of the manifest's `plugins`. */
export interface PluginEntry {
  /** A path that starts with `.` or `/`, or the name of an npm package. */
  readonly use: string
  readonly version?: string
  /** `sha512-` and base64: of the package, or of the file itself (not of what the file imports). */
  readonly integrity?: string
}

export class PluginRefused extends Schema.TaggedError<PluginRefused>()("PluginRefused", {
  use: Schema.String,
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `Plugin "${this.use}" was not loaded: ${this.reason}`
  }
}

/** What identifies the contents of a plugin's code; `plugins` runs it. */
export interface Found {
  readonly revision: string
  readonly plugins: Effect.Effect<ReadonlyArray<Plugin.AnyPlugin>, PluginRefused>
}

/** Builds the loader `npm` from a config, so that a plugin is installed the way servers are. */
export type BuildNpm = (config: unknown) => Effect.Effect<Loader.Loader, Error, Scope.Scope>

export class ThirdParty extends Context.Service<ThirdParty, {
  readonly find: (entry: PluginEntry, npm: BuildNpm) => Effect.Effect<Found, PluginRefused>
}>()("manifold/host/ThirdParty") {}
