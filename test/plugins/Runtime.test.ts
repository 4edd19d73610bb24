import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { Plugin, Runtime } from "#plugin"
import { temporaryLent } from "../kit/pluginHost.ts"

const NODE = "<node>"

const cases: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, ReadonlyArray<string>]> = [
  ["the only bin of a package.json", { "package.json": `{"bin":{"x":"cli.js"},"main":"lib.js"}`, "cli.js": "", "lib.js": "" }, [NODE, "cli.js"]],
  ["the bin named like the package", { "package.json": `{"name":"@a/b","bin":{"x":"x.js","b":"b.js"}}`, "b.js": "" }, [NODE, "b.js"]],
  ["main, where there is no bin", { "package.json": `{"main":"lib.js"}`, "lib.js": "" }, [NODE, "lib.js"]],
  ["a usual name, without package.json", { "server.ts": "" }, [NODE, "server.ts"]],
  ["Python by its usual name", { "pyproject.toml": "", "server.py": "" }, ["python3", "server.py"]],
  ["the only script, beside what is none", { "weather.py": "", "setup.py": "", "x.config.js": "", "readme.md": "" }, ["python3", "weather.py"]],
  ["a file without type by its first line", { "package.json": `{"bin":"cli"}`, "cli": "#!/usr/bin/env node\n" }, [NODE, "cli"]]
]

describe("Runtime.detect", () => {
  for (const [what, texts, [command, entry]] of cases) {
    it.effect(`takes ${what}`, () =>
      Effect.gen(function*() {
        const { node } = yield* Plugin.Host
        const folder = yield* folderWith(texts)
        const launch = yield* Runtime.detect(folder)
        const { detected, ...rest } = launch
        assert.deepStrictEqual(rest, {
          _tag: "Stdio",
          command: command === NODE ? node : command ?? "",
          args: [`${folder}/${entry}`],
          directory: folder
        })
        assert.include(detected, `${entry} (`)
      }).pipe(Effect.provide(temporaryLent)))
  }

  it.effect("runs an executable file as it is, and refuses one that is not executable", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const file = `${yield* folderWith({ server: "#!/bin/sh\n" })}/server`
      const refused = yield* Effect.flip(Runtime.detect(file))
      assert.include(refused.message, "make the file executable")
      yield* files.chmod(file, 0o755)
      assert.strictEqual((yield* Runtime.detect(file)).command, file)
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("takes the only program of a folder, and none of two", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const folder = yield* folderWith({ server: "#!/bin/sh\n", other: "" })
      yield* files.chmod(`${folder}/server`, 0o755)
      const launch = yield* Runtime.detect(folder)
      assert.deepStrictEqual([launch.command, launch.detected], [`${folder}/server`, "server (the only program), run as it is, since it is executable"])
      yield* files.chmod(`${folder}/other`, 0o755)
      assert.include((yield* Effect.flip(Runtime.detect(folder))).message, "not one script or program alone")
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("says what to write for a folder it cannot read a server from", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(Runtime.detect(yield* folderWith({ "readme.md": "" })))
      assert.include(refused.message, "write `command`")
      const broken = yield* Effect.flip(Runtime.detect(yield* folderWith({ "package.json": "{" })))
      assert.include(broken.message, "correct package.json")
      const missing = yield* Effect.flip(Runtime.detect("/nowhere/at/all"))
      assert.include(missing.message, "check that the path exists")
      const outside = yield* Effect.flip(Runtime.detect(yield* folderWith({ "package.json": `{"bin":"../../bin/sh"}` })))
      assert.include(outside.message, "a file outside of its folder")
      const unbuilt = yield* Effect.flip(Runtime.detect(yield* folderWith({ "package.json": `{"main":"dist/x.js"}` })))
      assert.include(unbuilt.message, "build the server first")
    }).pipe(Effect.provide(temporaryLent)))

  it("gives no bin for a name the package does not have", () => {
    assert.isTrue(Option.isNone(Runtime.binOf({ name: "a", bin: { a: "a.js" } }, "toString")))
    assert.isTrue(Option.isNone(Runtime.binOf({ name: "a", bin: { b: "b.js", c: "c.js" } })))
  })
})

const folderWith = Effect.fnUntraced(function*(texts: Readonly<Record<string, string>>) {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(texts)) yield* files.writeFileString(`${folder}/${name}`, text)
  return folder
})
