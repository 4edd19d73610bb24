/** Which answer runs: the one of before while it stands, else a new one; with `--frozen` none but that of the lock file. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import type { Loader } from "#plugin"
import { Locks } from "../../src/host/Locks.ts"
import { entryFor, lockText } from "../../src/manifest/LockFile.ts"

const question = { type: "registry", source: { file: "./server.json", inputs: { KEY: "hunter2" } } }
const answer = (version: string): Loader.Resolved => ({ source: `thing ${version}`, digest: `thing:${version}`, pin: { version } })

const loaderOf = (stands: boolean): Loader.Loader => ({
  resolve: Effect.succeed(answer("2")),
  stands: () => Effect.succeed(stands),
  prepare: () => Effect.void,
  launch: () => Effect.succeed({ _tag: "Stdio", command: "node", args: [] })
})

const locksWith = (frozen: boolean, isLocked: boolean) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const directory = yield* files.makeTempDirectoryScoped()
    if (isLocked) yield* files.writeFileString(`${directory}/manifold.lock`, lockText({ version: 1, sources: { a: entryFor(question, answer("1")) } }))
    const locks = yield* Effect.provide(Locks, Locks.layer({ directory, dataDirectory: directory, frozen }))
    return { locks, read: (name: string) => files.readFileString(`${directory}/${name}`) }
  })

describe("an answer of before", () => {
  it.effect("runs while it stands, and is asked for anew when what it hangs on has changed; frozen, that is refused", () =>
    Effect.gen(function*() {
      const { locks } = yield* locksWith(false, true)
      assert.strictEqual((yield* locks.answer("a", question, loaderOf(true))).source, "thing 1")
      assert.strictEqual((yield* locks.answer("a", question, loaderOf(false))).source, "thing 2")
      const { locks: frozen } = yield* locksWith(true, true)
      assert.strictEqual((yield* frozen.answer("a", question, loaderOf(true))).source, "thing 1")
      const { message } = yield* Effect.flip(frozen.answer("a", question, loaderOf(false)))
      assert.include(message, "what it is described by has changed since the lock file was written")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("is kept without what the server is given, and given way to where it is another one by now", () =>
    Effect.gen(function*() {
      const { locks, read } = yield* locksWith(false, false)
      yield* locks.keep("a", question, answer("1"))
      assert.strictEqual((yield* locks.answer("a", { ...question, source: { file: "./server.json", inputs: {} } }, loaderOf(true))).source, "thing 1")
      yield* locks.keep("a", question, yield* locks.answer("a", question, loaderOf(false)))
      assert.strictEqual((yield* locks.answer("a", question, loaderOf(true))).source, "thing 2")
      assert.notInclude(yield* read("resolved.json"), "hunter2")
    }).pipe(Effect.provide(NodeServices.layer)))
})
