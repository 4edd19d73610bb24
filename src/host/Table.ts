/** The table of plugins by kind and name, and what differs between two of them. */
import type { Plugin } from "#plugin"

export interface PluginName {
  readonly kind: Plugin.Kind
  readonly name: string
}

/** What one entry of the manifest, or Manifold itself, brought in. */
export interface Loaded {
  readonly use: string
  readonly revision: string
  readonly plugins: ReadonlyArray<Plugin.AnyPlugin>
}

interface Held<K extends Plugin.Kind> {
  readonly plugin: Plugin.Plugin<K>
  readonly revision: string
}

export type Table = { readonly [K in Plugin.Kind]: ReadonlyMap<string, Held<K>> }

export const KINDS: ReadonlyArray<Plugin.Kind> = ["loader", "auth", "provider"]

/** Who comes first keeps a name; so no third party can take the place of a built-in plugin. */
export const tableOf = (sources: ReadonlyArray<Loaded>) => {
  const table = {
    loader: new Map<string, Held<"loader">>(),
    auth: new Map<string, Held<"auth">>(),
    provider: new Map<string, Held<"provider">>()
  }
  const conflicts: Array<{ readonly use: string; readonly reason: string }> = []
  for (const { use, revision, plugins } of sources) {
    for (const plugin of plugins) {
      if (table[plugin.kind].has(plugin.name)) {
        conflicts.push({ use, reason: `there is already a ${plugin.kind} plugin "${plugin.name}"` })
      } else if (plugin.kind === "loader") table.loader.set(plugin.name, { plugin, revision })
      else if (plugin.kind === "auth") table.auth.set(plugin.name, { plugin, revision })
      else table.provider.set(plugin.name, { plugin, revision })
    }
  }
  return { table, conflicts }
}

export const changesBetween = (before: Table, after: Table): ReadonlyArray<PluginName> =>
  KINDS.flatMap((kind) =>
    [...new Set([...before[kind].keys(), ...after[kind].keys()])]
      .filter((name) => before[kind].get(name)?.revision !== after[kind].get(name)?.revision)
      .map((name) => ({ kind, name }))
  )
