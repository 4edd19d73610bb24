/** The local loader with `install`: a copy that is built in the cache, and follows the folder. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Plugin } from "#plugin"
import local from "../../../plugins/loaders/local.ts"
import { ArtifactCache } from "../../../src/host/ArtifactCache.ts"
import { Locks } from "../../../src/host/Locks.ts"
import { Registry } from "../../../src/host/Registry.ts"
import { write } from "../../kit/gitServer.ts"
import { temporaryHost } from "../../kit/pluginHost.ts"
import { wheelIndexWith } from "../../kit/wheelIndex.ts"

describe("a copy of a local folder", () => {
  it.live("is built without touching the folder, and made anew when the folder has changed", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      write(`${directory}/a`, {
        "package.json": `{"main":"dist/index.mjs","scripts":{"build":"node build.mjs"}}`,
        "build.mjs": `import { cpSync } from "node:fs"; cpSync("source.mjs", "dist/index.mjs")`,
        "source.mjs": "first",
        "node_modules/x/index.js": "not to be copied"
      })
      const first = yield* installed({ path: "a", install: true })
      assert.strictEqual(yield* files.readFileString(first.entry), "first")
      assert.deepStrictEqual((yield* files.readDirectory(`${directory}/a`)).sort(), ["build.mjs", "node_modules", "package.json", "source.mjs"])
      assert.isFalse(yield* files.exists(`${first.directory}/source/node_modules`))

      const same = yield* installed({ path: "a", install: true })
      assert.strictEqual(same.directory, first.directory)
      write(`${directory}/a`, { "source.mjs": "second" })
      const second = yield* installed({ path: "a", install: true })
      assert.strictEqual(yield* files.readFileString(second.entry), "second")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("keeps the wheels that it was first built with, where it is pinned, for as long as the folder is the same", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      const shout = { name: "shout", version: "1.0.0", files: { "shout.py": "" } }
      const index = yield* wheelIndexWith(shout)
      write(`${directory}/a`, { "server.py": "", "requirements.txt": "shout\n" })
      const source = { path: "a", install: true, pin: true, index_url: index.url }
      const first = yield* installed(source)
      yield* index.publish({ ...shout, version: "2.0.0" })
      yield* files.remove(`${first.directory}/..`, { recursive: true })
      const again = yield* installed(source)
      assert.match(yield* files.readFileString(`${again.directory}/venv/requirements.txt`), /^shout==1\.0\.0 --hash=sha256:\w+\n$/u)
    }).pipe(Effect.provide(temporaryHost)))

  it.live("is refused where a link leads out of the folder, and takes one that does not", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      // A name that begins like the folder's is not inside of it.
      write(directory, { "a/index.mjs": "", "a-evil/secret": "", "b/index.mjs": "" })
      yield* files.symlink("../a-evil/secret", `${directory}/a/link`)
      yield* files.symlink("index.mjs", `${directory}/b/link`)
      const failure = yield* Effect.flip(installed({ path: "a", install: true }))
      assert.include(failure.message, "is a link that leads out of the folder")
      yield* installed({ path: "b", install: true })
    }).pipe(Effect.provide(temporaryHost)))

  it.live("is refused when somebody writes into the folder between the look at it and the copy", () =>
    Effect.gen(function*() {
      const { directory } = yield* Plugin.Host
      write(directory, { "a/index.mjs": "first" })
      const loader = yield* local.build({ path: "a", install: true })
      const resolved = yield* loader.resolve
      write(directory, { "a/index.mjs": "second" })
      const cache = yield* ArtifactCache
      const lent = yield* Effect.flatMap(Registry, (registry) => registry.decode("loader", "local", { path: "a", install: true }))
      const failure = yield* Effect.flip(Effect.flatMap(lent.build, (own) => cache.prepared(own, resolved)))
      assert.include(failure.message, "it changed meanwhile")
    }).pipe(Effect.provide(temporaryHost)))
})

/** As the gateway does it: asked, prepared, and looked at. */
const installed = Effect.fnUntraced(function*(source: Readonly<Record<string, unknown>>) {
  const registry = yield* Registry
  const cache = yield* ArtifactCache
  const locks = yield* Locks
  const loader = yield* Effect.flatMap(registry.decode("loader", "local", source), ({ build }) => build)
  const question = { type: "local", source }
  const { directory, resolved } = yield* cache.prepared(loader, yield* locks.answer("a", question, loader))
  yield* locks.keep("a", question, resolved)
  const launch = yield* loader.launch(directory, resolved, { environment: [], limits: {} })
  return { directory, entry: launch._tag === "Stdio" ? launch.args[0] ?? "" : "" }
})
