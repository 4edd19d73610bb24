/** The guide to access rules does what it says: its manifest loads, and explain answers as it is printed there. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { access } from "../../src/cli/Access.ts"
import { inProcess } from "../kit/inProcess.ts"
import { filesWith } from "../kit/manifest.ts"
import { blocksOf } from "../kit/markdown.ts"

const textsOf = (language: string) => blocksOf("docs/access.md").filter((block) => block.language === language).map(({ text }) => text)

const run = inProcess(Command.make("manifold").pipe(Command.withSubcommands([access])))

describe("docs/access.md", () => {
  it.effect("has a manifest that can be used, and says of it what explain says", () =>
    Effect.gen(function*() {
      const [manifest = "", audit = ""] = textsOf("yaml")
      const [file = ""] = yield* filesWith([`${manifest}\n${audit}\n`])
      const asked = ["access", "explain", "-m", file, "--as", "bob", "--claims", `{"groups": ["devs"]}`]
      const { code, out } = yield* run(...asked, "--call", "files__write_file", "--arguments", `{"path": "/etc/hosts"}`)
      assert.strictEqual(code, 1)
      assert.strictEqual(out.trim(), textsOf("text")[0]?.trim())
      assert.strictEqual((yield* run(...asked, "--call", "files/file:///srv/pages/a.html", "--kind", "resource")).code, 0)
      assert.match((yield* run(...asked, "--call", "git-docs/read_log")).out, /other tenants/u)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
