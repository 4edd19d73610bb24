/** The contract suites on one third-party plugin of each kind and face. */
import { Effect, FileSystem, Layer } from "effect"
import { Registry } from "../../src/host/Registry.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { effectAuth, effectLoader, plainAuth, plainLoader, pluginFolder } from "../kit/thirdParty.ts"
import { authContract } from "./auth.ts"
import { loaderContract } from "./loader.ts"

/** The usual host with one more plugin, loaded from a file. */
const hostWith = (text: string) =>
  Layer.provideMerge(
    Layer.effectDiscard(Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const use = `${yield* pluginFolder}/plugin.mjs`
      yield* files.writeFileString(use, text)
      const { refused } = yield* Effect.flatMap(Registry, (registry) => registry.replaceThirdParty([{ use }]))
      if (refused[0] !== undefined) return yield* refused[0]
    })),
    temporaryHost
  )

for (const [face, text] of [["plain", plainLoader], ["effect", effectLoader]] as const) {
  loaderContract({
    name: `${face}-loader`,
    host: hostWith(text({ name: `${face}-loader`, answer: "one" })),
    good: { server: import.meta.filename, key: "hunter2" },
    bad: [{ config: {}, at: "server" }, { config: { server: 7 }, at: "server" }]
  })
}

for (const [face, text] of [["plain", plainAuth], ["effect", effectAuth]] as const) {
  authContract({
    name: `${face}-auth`,
    host: hostWith(text(`${face}-auth`)),
    good: { header: "x-key" },
    bad: [{ config: {}, at: "header" }, { config: { header: 7 }, at: "header" }]
  })
}
