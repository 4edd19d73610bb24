import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { load } from "../../src/manifest/Load.ts"

describe("the manifests that come with the gateway", () => {
  for (const [file, ids] of [
    ["gateway.yaml", ["everything", "files", "memory"]],
    ["examples/simple-setup.yaml", ["hello", "everything"]],
    ["examples/development.yaml", ["hello", "hello-german"]],
    ["examples/ways-in.yaml", ["hello"]]
  ] as const) {
    it.effect(`${file} loads with nothing set in the environment`, () =>
      Effect.gen(function*() {
        const { directory, manifest } = yield* load({ files: [`manifests/${file}`], environment: {}, set: [] })
        assert.deepStrictEqual(manifest.servers.map(({ id }) => id), [...ids])
        assert.isTrue(manifest.servers.every(({ source, type }) => type !== "npm" || source["version"] === "2026.8.31"))
        assert.match(directory, /\/manifests(?:\/examples)?$/u)
      }).pipe(Effect.provide(NodeServices.layer)))
  }
})
