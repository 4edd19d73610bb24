/** What the verbs about sources (lock, outdated, cache) have in common: the manifest, what in it is fetched, and what fetches it. */
import { Effect, Layer, Path as Paths } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import type { Plugin } from "#plugin"
import { ArtifactCache } from "../host/ArtifactCache.ts"
import { egressLayer } from "../host/Egress.node.ts"
import { hostLayer } from "../host/Host.node.ts"
import { Locks } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import { thirdPartyLayer } from "../host/ThirdParty.node.ts"
import type { Loaded } from "../manifest/Load.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import { logs } from "../observe/Logs.node.ts"
import { Redactor } from "../observe/Redaction.ts"
import { accepted, refuse } from "./Check.ts"
import { noTokens } from "./PluginParts.ts"

export const manifest = Flag.String("manifest").pipe(
  Flag.withAlias("m"),
  Flag.withMetavar("FILE"),
  Flag.withDescription("The manifest, else manifold.yaml; repeat it as for serve. The lock file stands beside the first"),
  Flag.atLeast(0)
)

export const loadedFrom = (manifest: ReadonlyArray<string>, { json, set }: { readonly json: boolean; readonly set: ReadonlyArray<string> }) =>
  Effect.catchTag(
    accepted({ files: manifest.length === 0 ? ["manifold.yaml"] : manifest, set }),
    "ManifestInvalid",
    (invalid) => refuse(invalid, json)
  )

/** Something that is fetched from somewhere. */
export interface Sourced {
  readonly id: string
  readonly type: string
  readonly source: Readonly<Record<string, unknown>>
}

/** The servers, those that are switched off too, and the plugins that are packages. */
export const sourcesOf = ({ plugins, servers }: Manifest): ReadonlyArray<Sourced> => [
  ...servers,
  ...plugins.flatMap(({ use, version }) => version === undefined ? [] : [{ id: `plugin ${use}`, type: "npm", source: { package: use, version } }])
]

export const servicesFor = ({ directory, manifest }: Loaded, builtIn: ReadonlyArray<Plugin.BuiltIn>) =>
  Layer.unwrap(Effect.map(Paths.Path, (paths) => {
    const dataDirectory = paths.resolve(directory, manifest.hosting.data_directory)
    const kept = Layer.merge(ArtifactCache.layer(dataDirectory), Locks.layer({ directory, dataDirectory, frozen: false }))
    return Registry.layer(builtIn).pipe(
      Layer.provide(thirdPartyLayer),
      Layer.provideMerge(kept),
      Layer.provideMerge([hostLayer({ directory, dataDirectory }), FetchHttpClient.layer, egressLayer, noTokens, logs(new Redactor(), "auto")])
    )
  }))

