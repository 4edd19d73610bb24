/** What the log says of a call that failed, and how the caller's error leads to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"

describe("logs", () => {
  it.live("name request, session, server and generation of a failed call, under the incident that the caller sees", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({
        routing: { timeout: "100ms" },
        servers: [{ id: "slow", type: "local", path: resolve("test/fixtures/servers/answer.mjs"), auth_strategy: "bypass_auth", config: { args: ["x"] } }]
      })
      yield* Effect.promise(() => serving(gate.url, "slow"))
      const post = (message: object, session?: string) =>
        Effect.promise(() =>
          fetch(gate.url, {
            method: "POST",
            headers: {
              "content-type": "application/json",
              accept: "application/json, text/event-stream",
              ...(session === undefined ? {} : { "mcp-session-id": session })
            },
            body: JSON.stringify({ jsonrpc: "2.0", ...message })
          })
        )
      const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } }
      const opened = yield* post({ id: 1, method: "initialize", params })
      const session = opened.headers.get("mcp-session-id") ?? ""
      const failed = yield* post({ id: "call-7", method: "tools/call", params: { name: "slow__answer", arguments: { millis: 5000 } } }, session)
      const { error } = JSON.parse(yield* Effect.promise(() => failed.text()))

      const found = () => gate.stderr().split("\n").find((text) => text.includes(error.data.incident) && text.endsWith("}"))
      const line = JSON.parse((yield* Effect.promise(() => until(async () => found(), (text) => text !== undefined))) ?? "")
      assert.strictEqual(error.data.server, "slow")
      assert.strictEqual(error.data.reason, "timed_out")
      assert.deepInclude(line, {
        level: "warn",
        server: "slow",
        request: "\"call-7\"",
        session: session.slice(0, 8),
        method: "tools/call",
        generation: 1
      })
      assert.notInclude(gate.stderr(), session)
    }).pipe(Effect.scoped))
})
