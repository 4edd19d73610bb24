/** The loaders that prepare nothing: local and remote. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { type Loader, Plugin } from "#plugin"
import local from "../../../plugins/loaders/local.ts"
import remote from "../../../plugins/loaders/remote.ts"
import { temporaryLent } from "../../kit/pluginHost.ts"

describe("the local loader", () => {
  it.effect("starts relative paths at the manifest's folder, not where the gateway was started", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory, node } = yield* Plugin.Host
      yield* files.makeDirectory(`${directory}/servers`)
      yield* files.writeFileString(`${directory}/servers/a.mjs`, "")

      const loader = yield* local.build({ path: "./servers/a.mjs" })
      const { digest } = yield* loader.resolve
      const launch = yield* launched(loader)
      assert.include(digest, `${directory}/servers/a.mjs`)
      assert.deepStrictEqual([launch.command, ...launch.args], [node, `${directory}/servers/a.mjs`])
      assert.strictEqual(launch.directory, `${directory}/servers`)
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("runs a command instead of what it would detect, in the folder of the path", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      yield* files.makeDirectory(`${directory}/servers`)
      const loader = yield* local.build({ path: "servers", command: "deno" })
      assert.deepStrictEqual(yield* launched(loader), {
        _tag: "Stdio",
        command: "deno",
        args: [],
        directory: `${directory}/servers`
      })
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("leaves a bare command to PATH, and takes one with a slash from the manifest's folder", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      yield* files.writeFileString(`${directory}/run`, "")
      const bare = yield* Effect.flatMap(local.build({ command: "deno" }), launched)
      const own = yield* Effect.flatMap(local.build({ command: "./run" }), launched)
      assert.strictEqual(bare.command, "deno")
      assert.strictEqual(own.command, `${directory}/run`)
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("gives the hash of the folder for the lock, which changes with a file and not with what is made anew", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      yield* files.makeDirectory(`${directory}/a/node_modules`, { recursive: true })
      yield* files.writeFileString(`${directory}/a/index.mjs`, "")
      const loader = yield* local.build({ path: "a", pin: true })
      const first = yield* loader.resolve
      yield* files.writeFileString(`${directory}/a/node_modules/x.js`, "")
      assert.deepStrictEqual(yield* loader.resolve, first)
      yield* files.writeFileString(`${directory}/a/index.mjs`, "changed")
      const second = yield* loader.resolve
      assert.notStrictEqual(second.digest, first.digest)
      assert.match(second.pin?.["tree"] ?? "", /^sha256:[0-9a-f]{64}$/u)
    }).pipe(Effect.provide(temporaryLent)))

  it.effect("says which path is not there", () =>
    Effect.gen(function*() {
      for (const config of [{ path: "./nothing" }, { command: "./nothing" }]) {
        const failure = yield* Effect.flip(Effect.flatMap(local.build(config), (loader) => loader.resolve))
        assert.include(failure.message, "local ./nothing: find failed")
      }
    }).pipe(Effect.provide(temporaryLent)))
})

describe("the remote loader", () => {
  it.effect("keeps a query, which may be a key, out of what is shown and locked, but sends it", () =>
    Effect.gen(function*() {
      const loader = yield* remote.build({ url: new URL("https://mcp.example.com/mcp?key=hunter2") })
      assert.notInclude(JSON.stringify(yield* loader.resolve), "hunter2")
      assert.deepStrictEqual(yield* loader.launch(), {
        _tag: "Http",
        url: "https://mcp.example.com/mcp?key=hunter2",
        transport: "auto"
      })
    }))
})

const launched = <R>(loader: Loader.Loader<R>) =>
  Effect.flatMap(loader.launch("/nowhere", { source: "", digest: "" }, { environment: [], limits: {} }), (launch) => launch._tag === "Stdio" ? Effect.succeed(launch) : Effect.die("it is reached at an address"))
