import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { beforeAll } from "vitest"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"

describe("the bundle", () => {
  beforeAll(() => void execFileSync("node", ["esbuild.config.mjs"]))

  it.live("serves alone in an empty folder, without a node_modules beside it", () =>
    Effect.gen(function*() {
      const folder = temporaryDirectory("bundle-")
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      copyFileSync("dist/manifold.mjs", join(folder, "manifold.mjs"))

      const { url } = yield* gateway({ servers: [] }, { command: ["node", join(folder, "manifold.mjs")] })
      const answer = yield* Effect.promise(() => fetch(new URL("/health/live", url)))

      assert.strictEqual(answer.status, 200)
    }).pipe(Effect.scoped))

  it("imports no Node built-in where it is made for Workers", () => {
    assert.isTrue(existsSync("dist/worker.mjs"))
    assert.notMatch(readFileSync("dist/worker.mjs", "utf8"), /\b(?:from|import|require)\s*\(?\s*["'`]node:/u)
  })

  it("can be measured: every row of the benchmark has a figure", () => {
    const output = execFileSync("node", ["scripts/bench/main.ts", "--short", "--json"], { encoding: "utf8" })
    const { results }: { results: ReadonlyArray<{ name: string; micros: number; ratio: number }> } = JSON.parse(output)
    assert.strictEqual(results.length, 6)
    for (const { micros, ratio } of results) assert.isTrue(micros > 0 && Number.isFinite(ratio))
  })
})
