import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { builtIn } from "../../plugins/node.ts"
import { BuiltIn } from "../../src/cli/BuiltIn.ts"
import { check } from "../../src/cli/Check.ts"
import { inProcess } from "../kit/inProcess.ts"
import { filesWith } from "../kit/manifest.ts"
import { blocksOf } from "../kit/markdown.ts"

const run = inProcess(Command.make("manifold").pipe(Command.withSubcommands([check])))

describe.each(["docs/sources.md", "docs/sandbox.md", "docs/operations.md"])("%s", (page) => {
  it.effect.each(blocksOf(page).filter(({ language }) => language === "yaml"))("has manifests that pass manifold check, once the secrets are there", ({ text }) =>
    Effect.gen(function*() {
      const [file = ""] = yield* filesWith([text.replaceAll(/\$\{(?:env|file):[^}]+\}/gu, "a secret")])
      const { code, err } = yield* run("check", file)
      assert.strictEqual(code, 0, err)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeServices.layer, Layer.succeed(BuiltIn, builtIn)))))
})
