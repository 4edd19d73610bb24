import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem } from "effect"
import { Loader } from "#plugin"
import { ArtifactCache } from "../../src/host/ArtifactCache.ts"

const resolved = { source: "thing", digest: "thing@1" }

describe("the artifact cache", () => {
  it.effect("prepares once for many who ask at the same time", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const counted = counting((directory) => files.writeFileString(`${directory}/content`, "whole"))
      const cache = yield* cacheIn(yield* files.makeTempDirectoryScoped())
      const artifacts = yield* Effect.forEach(Array.from({ length: 20 }), () => cache.prepared(counted.loader, resolved), {
        concurrency: "unbounded"
      })
      assert.strictEqual(counted.times(), 1)
      assert.strictEqual(new Set(artifacts.map(({ directory }) => directory)).size, 1)
      assert.strictEqual(yield* files.readFileString(`${artifacts[0]?.directory}/content`), "whole")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("keeps what was learned across a restart, and nobody else can read it", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const counted = counting(() => Effect.succeed({ integrity: "sha512-x" }))
      yield* Effect.flatMap(cacheIn(data), (cache) => cache.prepared(counted.loader, resolved))
      const again = yield* Effect.flatMap(cacheIn(data), (cache) => cache.prepared(counted.loader, resolved))

      assert.strictEqual(counted.times(), 1)
      assert.deepStrictEqual(again.resolved.pin, { integrity: "sha512-x" })
      for (const folder of [`${data}/cache`, `${again.directory}/..`, again.directory]) {
        assert.strictEqual((yield* files.stat(folder)).mode & 0o777, 0o700, folder)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("never uses one that was interrupted or failed half-way, and leaves nothing of it", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const cache = yield* cacheIn(data)
      const started = yield* Deferred.make<void>()
      const hanging = counting((directory) =>
        files.writeFileString(`${directory}/half`, "").pipe(Effect.andThen(Deferred.succeed(started, undefined)), Effect.andThen(Effect.never)))
      const running = yield* Effect.forkChild(cache.prepared(hanging.loader, resolved))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(running)
      const failing = counting(() => new Loader.LoadFailed({ source: "test", step: "test", cause: "no luck" }))
      assert.include((yield* Effect.flip(cache.prepared(failing.loader, resolved))).message, "no luck")
      assert.deepStrictEqual(yield* files.readDirectory(`${data}/cache`), [])

      const whole = counting((directory) => files.writeFileString(`${directory}/content`, ""))
      const { directory } = yield* cache.prepared(whole.loader, resolved)
      assert.deepStrictEqual(yield* files.readDirectory(directory), ["content"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("takes the folder of another process that was first, instead of failing", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const ours = yield* cacheIn(data)
      const theirs = yield* cacheIn(data)
      const first = counting((directory) => files.writeFileString(`${directory}/content`, "theirs"))
      const second = counting((directory) =>
        theirs.prepared(first.loader, resolved).pipe(Effect.andThen(files.writeFileString(`${directory}/content`, "ours"))))
      const { directory } = yield* ours.prepared(second.loader, resolved)
      assert.strictEqual(yield* files.readFileString(`${directory}/content`), "theirs")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("sets an artifact aside that has changed since it was made, and makes it anew", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const counted = counting((directory) =>
        files.makeDirectory(`${directory}/below`).pipe(
          Effect.andThen(files.writeFileString(`${directory}/below/content`, "whole")),
          Effect.andThen(files.writeFileString(`${directory}/run`, "#!/bin/sh", { mode: 0o755 })),
          Effect.andThen(files.symlink("run", `${directory}/link`))
        ))
      const cache = yield* cacheIn(data)
      const { directory } = yield* cache.prepared(counted.loader, resolved)
      const damages: ReadonlyArray<Effect.Effect<void, unknown>> = [
        files.writeFileString(`${directory}/below/content`, "other"),
        files.writeFileString(`${directory}/below/more`, ""),
        files.remove(`${directory}/below/content`),
        files.chmod(`${directory}/run`, 0o400),
        files.remove(`${directory}/link`).pipe(Effect.andThen(files.symlink("/bin/sh", `${directory}/link`))),
        files.writeFileString(`${directory}/../marker.json`, "{")
      ]
      for (const [index, damage] of damages.entries()) {
        // Root writes where a user may not.
        yield* Effect.ignore(files.chmod(`${directory}/below/content`, 0o600)).pipe(Effect.andThen(Effect.ignore(files.chmod(`${directory}/../marker.json`, 0o600))))
        yield* cache.prepared(counted.loader, resolved)
        assert.strictEqual(counted.times(), index + 1, "it is not as it was made, though nothing was changed")
        yield* damage
        yield* cache.prepared(counted.loader, resolved)
        assert.strictEqual(counted.times(), index + 2)
        assert.strictEqual(yield* files.readFileString(`${directory}/below/content`), "whole")
      }
      assert.strictEqual((yield* files.readDirectory(`${data}/cache`)).filter((name) => name.startsWith(".damaged-")).length, 1)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("takes the right to write away from every file, and leaves what it needs to be removed", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const outside = `${data}/outside`
      yield* files.writeFileString(outside, "", { mode: 0o644 })
      const counted = counting((directory) =>
        files.writeFileString(`${directory}/content`, "").pipe(
          Effect.andThen(files.writeFileString(`${directory}/run`, "", { mode: 0o755 })),
          Effect.andThen(files.symlink(outside, `${directory}/link`))
        ))
      const { directory } = yield* Effect.flatMap(cacheIn(data), (cache) => cache.prepared(counted.loader, resolved))
      const modeOf = (file: string) => Effect.map(files.stat(file), ({ mode }) => mode & 0o777)
      assert.deepStrictEqual([yield* modeOf(`${directory}/content`), yield* modeOf(`${directory}/run`), yield* modeOf(outside)], [0o400, 0o500, 0o644])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("removes the drafts of a killed process after a day, and leaves younger ones alone", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const data = yield* files.makeTempDirectoryScoped()
      const old = `${data}/cache/.draft-old`
      const young = `${data}/cache/.draft-young`
      for (const draft of [old, young]) yield* files.makeDirectory(draft, { recursive: true })
      yield* files.utimes(old, new Date(0), new Date(0))
      yield* cacheIn(data)
      assert.deepStrictEqual(yield* files.readDirectory(`${data}/cache`), [".draft-young"])
    }).pipe(Effect.provide(NodeServices.layer)))
})

const cacheIn = (data: string) => Effect.provide(ArtifactCache, ArtifactCache.layer(data), { local: true })

/** A loader that prepares so, and knows how often. */
const counting = (prepare: (directory: string) => Effect.Effect<Loader.Pin | void, unknown>) => {
  let count = 0
  const loader: Loader.Loader = {
    resolve: Effect.succeed(resolved),
    prepare: (_, directory) => {
      count++
      return Effect.mapError(prepare(directory), (cause) => new Loader.LoadFailed({ source: "thing", step: "prepare", cause }))
    },
    launch: () => Effect.succeed({ _tag: "Stdio", command: "true", args: [] })
  }
  return { loader, times: () => count }
}
