import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { loadTexts } from "../kit/manifest.ts"

describe("docs/authorization-server.md", () => {
  it.effect("shows a manifest that is taken as it stands", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const text = yield* files.readFileString("docs/authorization-server.md")
      const [, yaml = ""] = /```yaml\n([\s\S]*?)```/u.exec(text) ?? []
      const { manifest } = yield* loadTexts([yaml])
      assert.deepStrictEqual(manifest.authorization_server?.clients.map(({ client_id }) => client_id), ["desk", "web"])
    }).pipe(Effect.provide(NodeServices.layer)))
})
