/** What the verbs about sources (lock, outdated, cache) have in common: the manifest, what in it is fetched, and what fetches it. */
import { Effect, Layer, Path as Paths } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import type { Plugin } from "#plugin"
import { layer as sandboxes } from "../backend/sandbox/Sandbox.node.ts"
import { ArtifactCache } from "../host/ArtifactCache.ts"
import { egressLayer } from "../host/Egress.node.ts"
import type { Demands } from "../host/Demands.ts"
import { hostLayer } from "../host/Host.node.ts"
import { Locks, readLock } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import { thirdPartyLayer } from "../host/ThirdParty.node.ts"
import type { Loaded } from "../manifest/Load.ts"
import { emptyLock, LOCK_NAME } from "../manifest/LockFile.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import { type Sandbox, sandboxOf } from "../manifest/Sandbox.ts"
import type { ServerEntry } from "../manifest/Server.ts"
import { logs } from "../observe/Logs.node.ts"
import { Redactor } from "../observe/Redaction.ts"
import { BuiltIn } from "./BuiltIn.ts"
import { accepted, refuse } from "./Check.ts"
import { noTokens } from "./PluginParts.ts"
import { failed, stop } from "./Stopped.ts"

export const manifest = Flag.String("manifest").pipe(
  Flag.withAlias("m"),
  Flag.withMetavar("FILE"),
  Flag.withDescription("The manifest, else manifold.yaml; repeat it as for serve. The lock file stands beside the first"),
  Flag.atLeast(0)
)

export interface Input {
  readonly json: boolean
  readonly manifest: ReadonlyArray<string>
  readonly set: ReadonlyArray<string>
}

/** Does something with the sources of the manifest that a command names; where that cannot be used, says so. */
export const withSources = Effect.fnUntraced(function*<A, E, R>({ json, manifest, set }: Input, what: (loaded: Loaded) => Effect.Effect<A, E, R>) {
  const files = manifest.length === 0 ? ["manifold.yaml"] : manifest
  const loaded = yield* Effect.catchTag(accepted({ files, set }), "ManifestInvalid", (invalid) => refuse(invalid, json))
  return yield* Effect.provide(what(loaded), servicesFor(loaded, yield* BuiltIn))
})

/** The lock file beside the manifest, where there is one, with the plugins that loaders may come from. */
export const lockBeside = Effect.fnUntraced(function*({ directory, manifest }: Loaded) {
  const file = (yield* Paths.Path).join(directory, LOCK_NAME)
  const lock = yield* Effect.catch(readLock(file), (refused) => stop(failed, refused.message))
  const { refused } = yield* (yield* Registry).replaceThirdParty(manifest.plugins)
  if (refused.length > 0) return yield* stop(failed, refused.map(({ message }) => message).join("\n"))
  return { file, lock: lock ?? emptyLock }
})

/** Something that is fetched from somewhere. */
export interface Sourced extends Demands {
  readonly id: string
  readonly type: string
  readonly source: Readonly<Record<string, unknown>>
  readonly sandbox: Sandbox
  readonly limits: ServerEntry["limits"]
}

/** The servers, those that are switched off too, and the plugins that are packages. */
export const sourcesOf = ({ plugins, servers }: Manifest): ReadonlyArray<Sourced> => [
  ...servers,
  ...plugins.flatMap(({ use, version }) => version === undefined ? [] : [{ id: `plugin ${use}`, type: "npm", source: { package: use, version }, sandbox: sandboxOf("none"), limits: {} }])
]

const servicesFor = ({ directory, manifest }: Loaded, builtIn: ReadonlyArray<Plugin.BuiltIn>) =>
  Layer.unwrap(Effect.map(Paths.Path, (paths) => {
    const dataDirectory = paths.resolve(directory, manifest.hosting.data_directory)
    const kept = Layer.merge(ArtifactCache.layer(dataDirectory), Locks.layer({ directory, dataDirectory, frozen: false }))
    return Layer.merge(Registry.layer(builtIn), sandboxes).pipe(
      Layer.provide(thirdPartyLayer),
      Layer.provideMerge(kept),
      Layer.provideMerge([hostLayer({ directory, dataDirectory }), FetchHttpClient.layer, egressLayer, noTokens, logs(new Redactor(), "auto")])
    )
  }))

