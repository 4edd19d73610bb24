/**
 * Asks each server's loader and auth strategy whether it understands its part of
 * the manifest, and whether what servers and sign-in say of each other fits. Third-party plugins are loaded for that; without any, nothing is
 * read or written.
 */
import { Effect, Layer, Path as Paths, Result, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { OwnTokens, Plugin, Provider } from "#plugin"
import { ArtifactCache } from "../host/ArtifactCache.ts"
import { egressLayer } from "../host/Egress.node.ts"
import { hostLayer } from "../host/Host.node.ts"
import { Locks } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import { PluginRefused, ThirdParty } from "../host/ThirdParty.ts"
import { thirdPartyLayer } from "../host/ThirdParty.node.ts"
import type { Draft } from "../manifest/Load.ts"
import { problemsOfExchange } from "../manifest/Exchange.ts"
import { PluginUse } from "../manifest/Manifest.ts"
import { type Part, partsOf, problemsOfPart } from "../manifest/Parts.ts"
import type { Problem } from "../manifest/Problem.ts"
import { problemAt } from "../manifest/Report.ts"
import { child, plain, textAt, type Tree } from "../manifest/Tree.ts"

const none = ThirdParty.of({ find: ({ use }) => Effect.fail(new PluginRefused({ use, reason: "there are none" })) })

interface Place {
  readonly directory: string
  readonly dataDirectory: string
}

/** To check a manifest is to check no token. */
export const noTokens = Layer.succeed(OwnTokens, {
  issuer: () => "",
  check: () => new Provider.ProviderUnavailable({ issuer: "", detail: "does not run" })
})

const registryFor = (builtIn: ReadonlyArray<Plugin.BuiltIn>, { dataDirectory, directory }: Place, thirdParty: boolean) => {
  const still = Layer.succeed(Plugin.Host, { directory, workspace: dataDirectory, node: process.execPath, environment: {}, engine: {}, treeHash: () => Effect.succeed("") })
  const kept = Layer.merge(ArtifactCache.layer(dataDirectory), Locks.layer({ directory, dataDirectory, frozen: false }))
  const imported = thirdPartyLayer.pipe(Layer.provide(kept))
  return thirdParty
    ? Registry.layer(builtIn).pipe(
      Layer.provide(imported),
      Layer.provide([hostLayer({ directory, dataDirectory }), FetchHttpClient.layer, egressLayer, noTokens])
    )
    : Registry.layer(builtIn).pipe(Layer.provide([Layer.succeed(ThirdParty, none), still, FetchHttpClient.layer, egressLayer, noTokens]))
}

/** The entries of `plugins` that are well formed; what is wrong with the others has been said. */
const usesIn = (tree: Tree): ReadonlyArray<typeof PluginUse.Type> => {
  const plugins = child(tree, "plugins")
  const items = plugins?._tag === "Sequence" ? plugins.items : []
  return items.flatMap((item) => {
    const use = Schema.decodeUnknownResult(PluginUse)(plain(item))
    return Result.isSuccess(use) ? [use.success] : []
  })
}

export const problemsOfParts = Effect.fn("problemsOfParts")(function*(builtIn: ReadonlyArray<Plugin.BuiltIn>, draft: Draft) {
  const { directory, tree } = draft
  const paths = yield* Paths.Path
  const hosting = child(tree, "hosting")
  const folder = hosting === undefined ? undefined : textAt(hosting, "data_directory")
  const dataDirectory = paths.resolve(directory, folder ?? ".manifold")
  const uses = usesIn(tree)
  const check = Effect.gen(function*() {
    const registry = yield* Registry
    const { refused } = yield* registry.replaceThirdParty(uses)
    const plugins = refused.map(({ reason, use }) =>
      problemAt(tree, ["plugins", uses.findIndex((each) => each.use === use), "use"], { message: `was not loaded: ${reason}` })
    )
    const parts = yield* Effect.forEach(partsOf(tree), (part) => problemsOfOne(tree, part))
    return [...plugins, ...parts.flat(), ...problemsOfExchange(tree)]
  })
  return yield* Effect.provide(check, registryFor(builtIn, { directory, dataDirectory }, uses.length > 0))
})

const problemsOfOne = Effect.fnUntraced(function*(tree: Tree, { base, config, kind, name, namedAt }: Part) {
  const registry = yield* Registry
  const known = registry.namesOf(kind)
  const what = kind === "loader" ? "loader" : "auth strategy"
  const unknown: Problem = problemAt(tree, namedAt, {
    message: `there is no ${what} "${name}"`,
    expected: known.length > 1 ? `one of ${known.join(", ")}` : known.join(),
    known
  })
  return yield* registry.decode(kind, name, config).pipe(
    Effect.as<ReadonlyArray<Problem>>([]),
    Effect.catchTags({
      ConfigRefused: ({ problems }) => Effect.succeed(problemsOfPart({ tree }, base, problems)),
      UnknownPlugin: () => Effect.succeed([unknown])
    })
  )
})
