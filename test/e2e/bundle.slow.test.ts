import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"

describe("the bundle", () => {
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

  it.live("says on Workers what is wrong with the bound manifest, and that calls are not served there yet", () =>
    Effect.gen(function*() {
      const worker = yield* Effect.promise(() => import(`${resolve("dist/worker.mjs")}`))
      const ask = (path: string, MANIFEST: string) =>
        Effect.promise(async (): Promise<Response> => worker.default.fetch(new Request(`http://worker${path}`), { MANIFEST }))
      const checked = async (response: Response) => JSON.stringify(await response.json())
      const server = "{ id: a, type: remote, url: \"https://example.com\", auth_strategy: bypass_auth }"

      const good = yield* ask("/api/v1/check", `version: 1\nservers:\n  - ${server}\n`)
      const bad = yield* ask("/api/v1/check", `version: 1\nservers:\n  - ${server.replace("auth_strategy", "auth_stratgy")}\n`)
      const call = yield* ask("/mcp", "version: 1")

      assert.strictEqual(yield* Effect.promise(() => checked(good)), "{\"valid\":true,\"problems\":[]}")
      assert.match(yield* Effect.promise(() => checked(bad)), /MANIFEST:3:\d+: servers\.a\.auth_strategy: .*did you mean/u)
      assert.strictEqual(call.status, 501)
    }))

  it("can be measured: every row of the benchmark has a figure", () => {
    const output = execFileSync("node", ["scripts/bench/main.ts", "--short", "--json"], { encoding: "utf8" })
    const { results }: { results: ReadonlyArray<{ name: string; micros: number; ratio: number }> } = JSON.parse(output)
    assert.strictEqual(results.length, 12)
    for (const { micros, ratio } of results) assert.isTrue(micros > 0 && Number.isFinite(ratio))
  })
})
