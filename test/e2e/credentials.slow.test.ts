/** What a backend sees of a caller: nothing that the caller sent as a credential, and what the strategy gives. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import type { IncomingHttpHeaders } from "node:http"
import { join } from "node:path"
import { postCall, serving, until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { bodyOf, loopback, sendResult } from "../kit/loopback.ts"
import { plainAuth, pluginFolder } from "../kit/thirdParty.ts"

/** A modern server that keeps the headers and the body of each tools/call. */
const recordingBackend = Effect.gen(function*() {
  const seen: Array<{ readonly headers: IncomingHttpHeaders; readonly body: string }> = []
  const { origin } = yield* loopback(() => async (request, response) => {
    const body = await bodyOf(request)
    const { id, method } = JSON.parse(body === "" ? "{}" : body)
    if (method === "tools/call") seen.push({ headers: request.headers, body })
    const results: Readonly<Record<string, object>> = {
      "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" },
      "tools/list": { tools: [{ name: "look", inputSchema: { type: "object" } }], ttlMs: 0, cacheScope: "private" },
      "tools/call": { content: [] }
    }
    sendResult(response, id, results[String(method)])
  })
  return { seen, url: `${origin}/mcp` }
})

/** A call that brings every kind of credential a client could send. */
const callWithCredentials = (url: string) =>
  postCall(url, {
    name: "back__look",
    headers: {
      authorization: "Bearer canary-token",
      cookie: "session=canary-cookie",
      "proxy-authorization": "Basic canary-proxy",
      "x-api-key": "canary-key",
      "x-forwarded-authorization": "canary-forwarded"
    }
  }).then(({ status }) => status)

describe("credentials", () => {
  it.live("of a caller reach no backend; fixed headers of the manifest do, and no log or status shows them", () =>
    Effect.gen(function*() {
      const backend = yield* recordingBackend
      const gate = yield* gateway({
        servers: [{
          id: "back",
          type: "remote",
          url: backend.url,
          auth_strategy: "bypass_auth",
          config: { headers: { "X-Team": "${env:TEAM_KEY}" } }
        }]
      }, { environment: { TEAM_KEY: "s3cret-team-key" } })
      const status = yield* Effect.promise(() => serving(gate.url, "back"))
      yield* Effect.promise(() => callWithCredentials(gate.url))

      const [call] = backend.seen
      assert.strictEqual(call?.headers["x-team"], "s3cret-team-key")
      assert.notInclude(JSON.stringify(call), "canary")
      assert.notInclude(gate.stderr() + JSON.stringify(status), "s3cret-team-key")
      assert.notInclude(gate.stderr(), "canary")
    }).pipe(Effect.scoped))

  it.live("of a strategy change with its part of the manifest, without a new instance", () =>
    Effect.gen(function*() {
      const backend = yield* recordingBackend
      const folder = yield* pluginFolder
      const plugin = join(folder, "headers.mjs")
      writeFileSync(plugin, plainAuth("headers"))
      const manifest = (header: string) => ({
        plugins: [{ use: plugin }],
        servers: [{ id: "back", type: "remote", url: backend.url, auth_strategy: "headers", auth_config: { header } }]
      })
      const gate = yield* gateway(manifest("x-one"))
      const before = yield* Effect.promise(() => serving(gate.url, "back"))
      yield* Effect.promise(() => callWithCredentials(gate.url))

      gate.rewrite(manifest("x-two"))
      yield* Effect.promise(() =>
        until(async () => {
          await callWithCredentials(gate.url)
          return backend.seen.at(-1)?.headers["x-two"]
        }, (value) => value !== undefined)
      )
      const after = yield* Effect.promise(() => serving(gate.url, "back"))

      assert.strictEqual(backend.seen[0]?.headers["x-one"], "for-local-at-back")
      assert.strictEqual(backend.seen.at(-1)?.headers["x-two"], "for-local-at-back")
      assert.isUndefined(backend.seen.at(-1)?.headers["x-one"])
      assert.strictEqual(after.servers[0]?.actual.since, before.servers[0]?.actual.since)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
