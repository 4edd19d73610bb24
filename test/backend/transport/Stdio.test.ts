import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Children } from "../../../src/backend/transport/Children.ts"
import { spawnChild } from "../../../src/backend/transport/Stdio.node.ts"

describe("a child", () => {
  it.live("that cannot be recorded does not run, and fails alone", () => {
    let pid = 0
    const remember = (child: number) => {
      pid = child
      throw new Error("ENOSPC")
    }
    const command = { command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"], environment: {}, directory: "/" }
    return Effect.gen(function*() {
      const failure = yield* Effect.flip(spawnChild("a", command, () => {}))
      assert.include(failure.message, "ENOSPC")
      yield* Effect.sleep("200 millis")
      assert.throws(() => process.kill(pid, 0), /ESRCH/u)
    }).pipe(Effect.scoped, Effect.provide(Layer.succeed(Children, { remember, forget: () => Effect.void })))
  })
})
