/** manifests/deploy/gateway.yaml, run as it is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { get } from "node:http"
import { freePort } from "../kit/everything.ts"
import { temporaryDirectory } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"
import { start } from "../kit/process.ts"

const NOBODY = "http://127.0.0.1:9/"

describe("a gateway on a platform", () => {
  it.live("listens at $PORT and not at 8080, and tells its health to who asks by the address of the instance", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const data = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory("manifold-platform-")),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const gate = yield* Effect.acquireRelease(
        Effect.promise(() =>
          start({
            command: ["node", MAIN, "serve", "--manifest", "manifests/deploy/gateway.yaml", "--set", `hosting.data_directory=${data}`],
            listening: /^listening on (http:\/\/\S+)\n/u,
            environment: { PORT: String(port), NPM_REGISTRY: NOBODY, PYPI_INDEX: NOBODY }
          })
        ),
        ({ stop }) => Effect.promise(stop)
      )
      assert.strictEqual(new URL(gate.url).port, String(port))
      const status = (path: string, host: string) =>
        new Promise<number | undefined>((done, failed) => {
          get({ port, path, host: "127.0.0.1", headers: { host } }, (response) => done(response.resume().statusCode)).on("error", failed)
        })
      yield* Effect.promise(async () => {
        const address = `10.1.2.3:${port}`
        const answers = await Promise.all([status("/health/live", address), status("/health/ready", address), status("/mcp", address), status("/health/ready", "evil.example")])
        assert.deepStrictEqual(answers, [200, 503, 403, 403], "ready waits for the server that is required")
      })
    }).pipe(Effect.scoped))
})
