/** What plugins are lent in tests: real files, processes and network, in folders of their own. */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { OwnTokens, Provider } from "#plugin"
import { builtIn } from "../../plugins/node.ts"
import { ArtifactCache } from "../../src/host/ArtifactCache.ts"
import { egressLayer } from "../../src/host/Egress.node.ts"
import { hostLayer } from "../../src/host/Host.node.ts"
import { Locks } from "../../src/host/Locks.ts"
import { Registry } from "../../src/host/Registry.ts"
import { thirdPartyLayer } from "../../src/host/ThirdParty.node.ts"

export interface Folders {
  /** Where the manifest would be. */
  readonly directory: string
  readonly dataDirectory: string
}

/** A gateway that gave out no token. */
const noTokens = Layer.succeed(OwnTokens, {
  issuer: () => "https://gw.example.com",
  check: () => new Provider.TokenRefused({ reason: "inactive", detail: "it is not known" })
})

const platform = Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer, egressLayer, noTokens)

/** All that a plugin may ask for. */
export const lentIn = (folders: Folders) => Layer.provideMerge(hostLayer(folders), platform)

/** The whole host: registry with the built-in plugins, artifact cache, import of third parties. */
export const hostIn = (folders: Folders) =>
  Registry.layer(builtIn).pipe(
    Layer.provideMerge(thirdPartyLayer),
    Layer.provideMerge(Layer.merge(ArtifactCache.layer(folders.dataDirectory), Locks.layer({ ...folders, frozen: false }))),
    Layer.provideMerge(lentIn(folders))
  )

const temporary = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "manifold-test-" })
  return { directory, dataDirectory: `${directory}/data` }
}).pipe(Effect.provide(NodeServices.layer))

export const temporaryLent = Layer.unwrap(Effect.map(temporary, lentIn))

export const temporaryHost = Layer.unwrap(Effect.map(temporary, hostIn))
