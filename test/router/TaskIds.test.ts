import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as fc from "fast-check"
import { TaskIds } from "../../src/router/TaskIds.ts"

describe("the public id of a task", () => {
  it.effect("leads to its server and its own id, for its owner alone, and fits a header", () =>
    Effect.gen(function*() {
      const ids = yield* TaskIds
      const text = fc.string({ unit: "binary" })
      yield* Effect.promise(() => fc.assert(fc.asyncProperty(text, text, text, text, async (owner, other, server, id) => {
        const publicId = await Effect.runPromise(ids.seal(owner, { server, id }))
        assert.match(publicId, /^[A-Za-z0-9_.-]+$/u)
        assert.deepStrictEqual(await Effect.runPromise(ids.open(owner, publicId)), { server, id })
        if (owner !== other) assert.isUndefined(await Effect.runPromise(ids.open(other, publicId)))
      }), { numRuns: 50 }))
    }).pipe(Effect.provide(TaskIds.ephemeral)))

  it.effect("is refused when a character of it is another, and when it is anything else", () =>
    Effect.gen(function*() {
      const ids = yield* TaskIds
      const publicId = yield* ids.seal("ada", { server: "one", id: "t" })
      for (let at = 0; at < publicId.length; at++) {
        const changed = publicId.slice(0, at) + (publicId[at] === "A" ? "B" : "A") + publicId.slice(at + 1)
        const opened = yield* ids.open("ada", changed)
        // The last character of Base64 may hold bits that say nothing.
        if (opened !== undefined) assert.deepStrictEqual(opened, { server: "one", id: "t" })
      }
      for (const other of ["", ".", "a.b", `${publicId}.`, `${publicId}.x`, "t"]) assert.isUndefined(yield* ids.open("ada", other))
    }).pipe(Effect.provide(TaskIds.ephemeral)))

  it.effect("is good after a restart with the same data directory, not with another one", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const [directory, other] = [yield* files.makeTempDirectoryScoped(), yield* files.makeTempDirectoryScoped()]
      const within = <A>(place: string, use: (ids: TaskIds["Service"]) => Effect.Effect<A>) =>
        Effect.scoped(Effect.flatMap(TaskIds, use).pipe(Effect.provide(TaskIds.layer(place))))
      const publicId = yield* within(directory, (ids) => ids.seal("ada", { server: "one", id: "t" }))
      assert.isDefined(yield* within(directory, (ids) => ids.open("ada", publicId)))
      assert.isUndefined(yield* within(other, (ids) => ids.open("ada", publicId)))
      const { mode } = yield* files.stat(`${directory}/keys/tasks`)
      assert.strictEqual(mode & 0o777, 0o600)
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped))
})
