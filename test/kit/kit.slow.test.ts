import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { officialClient, textOf } from "./client.ts"
import { conformanceFixture } from "./gateway.ts"
import { until } from "./calls.ts"
import { isAlive, start } from "./process.ts"

describe("the kit", () => {
  it.live("gives one fixture that both eras of the official client can call", () =>
    Effect.gen(function*() {
      const { url } = yield* conformanceFixture("both")
      for (const era of ["legacy", "modern"] as const) {
        const client = yield* officialClient(url, era)
        const result = yield* Effect.promise(() => client.callTool({ name: "test_simple_text", arguments: {} }))
        assert.strictEqual(textOf(result), "This is a simple text response for testing.")
      }
    }).pipe(Effect.scoped))

  it.live("ends a fixture with its scope, not before", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { pid } = yield* Scope.provide(conformanceFixture("both"), scope)
      assert.isTrue(isAlive(pid))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(isAlive(pid))
    }))

  it("sees the children of a process and their children", async () => {
    const script = "sleep 30 & bash -c 'sleep 30 & echo http://up; wait' & wait"
    const { descendants, kill } = await start({ command: ["bash", "-c", script], listening: /^(http:\S+)/u })
    const below = descendants()
    assert.isTrue(below.length >= 3 && below.every(isAlive))
    for (const pid of below) process.kill(pid, "SIGKILL")
    await kill()
    // A signal is on its way for a moment.
    await until(async () => below.filter(isAlive), (left) => left.length === 0, 5)
  })

  it("says what a process printed when it ends before it listens", async () => {
    const failed = await start({ command: ["bash", "-c", "echo no port >&2; exit 3"], listening: /^(http:\S+)/u }).catch(String)
    assert.match(String(failed), /ended with 3 before it listened\s+no port/u)
  })
})
