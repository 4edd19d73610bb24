/** The server that the examples run: what a newcomer copies has to speak the protocol. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

describe("manifests/examples/servers/hello.mjs", () => {
  it.live("answers initialize, tools/list and tools/call, and leaves notifications unanswered", () =>
    Effect.gen(function*() {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const requests = [
        { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-06-18" } },
        { jsonrpc: "2.0", method: "notifications/initialized" },
        { jsonrpc: "2.0", id: 2, method: "tools/list" },
        { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "greet", arguments: { name: "Ada" } } },
        { jsonrpc: "2.0", id: 4, method: "tools/call", params: { name: "shout" } }
      ]
      const stdin = Stream.encodeText(Stream.make(requests.map((each) => `${JSON.stringify(each)}\n`).join("")))
      const output = yield* spawner.string(
        ChildProcess.make(process.execPath, ["manifests/examples/servers/hello.mjs"], { stdin, env: { GREETING: "Good day" } })
      )
      const [opened, listed, called, unknown, ...more] = output.trim().split("\n")
      assert.include(opened, "\"protocolVersion\":\"2025-06-18\"")
      assert.include(listed, "\"name\":\"greet\"")
      assert.include(called, "Good day, Ada!")
      assert.include(unknown, "\"code\":-32602")
      assert.deepStrictEqual(more, [])
    }).pipe(Effect.provide(NodeServices.layer)))
})
