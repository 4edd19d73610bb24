/** Each manifest that we ship is checked and run as it is: what a newcomer copies must work. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { statusOf, until } from "../kit/calls.ts"
import { temporaryDirectory } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"
import { start } from "../kit/process.ts"

/** They need servers around them, and are run by examplesOfAuth.slow.test.ts and everyLoader.slow.test.ts. */
const elsewhere = ["mixed-auth.yaml", "enterprise.yaml", "every-loader.yaml"]
const examples = readdirSync("manifests/examples").filter((name) => name.endsWith(".yaml") && !elsewhere.includes(name))
const shipped = ["manifests/gateway.yaml", ...examples.map((name) => join("manifests/examples", name))]

describe("the shipped manifests", () => {
  it.live.each(shipped)("%s is valid, and each of its servers becomes ready", (file) =>
    Effect.gen(function*() {
      const data = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory("manifold-example-")),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      execFileSync("node", [MAIN, "check", file])
      const gate = yield* Effect.acquireRelease(
        Effect.promise(() =>
          start({
            command: ["node", MAIN, "serve", "--manifest", file, "--port", "0", "--set", `hosting.data_directory=${data}`],
            listening: /^listening on (http:\/\/\S+)\n/u
          })
        ),
        ({ stop }) => Effect.promise(stop)
      )
      const { servers } = yield* Effect.promise(() =>
        until(() => statusOf(gate.url), ({ servers }) => servers.every(({ actual }) => actual.phase === "ready"), 90)
      )

      assert.isTrue(servers.length > 0 && servers.every(({ offers }) => offers.tools > 0))
    }).pipe(Effect.scoped), 120_000)
})
