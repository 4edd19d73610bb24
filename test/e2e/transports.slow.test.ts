/** Each way in which a real server can be reached: a port of its own, HTTP+SSE of the oldest revision. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { call, serving, statusOf } from "../kit/calls.ts"
import { officialClient, textOf } from "../kit/client.ts"
import { down } from "../kit/down.ts"
import { EVERYTHING, freePort, restartable, startEverything } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"

const echo = (url: string) => Effect.promise(() => call(url, "everything__echo", { message: "hello" }))

describe("a server with a port of its own", () => {
  it.live("from npm gets PORT, is reached over HTTP when it listens, and ends with the gateway", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const gate = yield* gateway({
        servers: [{ id: "everything", type: "npm", ...EVERYTHING, auth_strategy: "bypass_auth", config: { port, args: ["streamableHttp"] } }]
      })
      yield* Effect.promise(() => serving(gate.url, "everything"))
      assert.include((yield* echo(gate.url)).text, "hello")
      const { servers } = yield* Effect.promise(() => statusOf(gate.url))
      assert.deepInclude(servers[0]?.actual, { phase: "ready", restarts: 0 })
      yield* Effect.promise(gate.stop)
      const after = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/mcp`).then(() => "still there", () => "gone"))
      assert.strictEqual(after, "gone")
    }).pipe(Effect.scoped))

  it.live("finds its port in its arguments, too", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const gate = yield* gateway({
        servers: [{
          id: "fixture",
          type: "local",
          command: "node",
          auth_strategy: "bypass_auth",
          config: { port, args: [resolve("test/fixtures/conformance/main.ts"), "--era", "modern", "--port", "{port}"] }
        }]
      })
      yield* Effect.promise(() => serving(gate.url, "fixture"))
      const { text } = yield* Effect.promise(() => call(gate.url, "fixture__test_simple_text", {}))
      assert.strictEqual(text, "This is a simple text response for testing.")
    }).pipe(Effect.scoped))

  it.live("that ends before it listens says so", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({
        servers: [{
          id: "ends",
          type: "local",
          command: "node",
          auth_strategy: "bypass_auth",
          config: { port: yield* freePort, args: ["-e", "process.exit(3)"] }
        }]
      })
      const [ends] = yield* Effect.promise(() => down(gate.url, "ends"))
      assert.include(ends?.actual.why, "exited (code 3) before it answered on its port")
    }).pipe(Effect.scoped))
})

describe("HTTP+SSE of 2024-11-05", () => {
  for (const transport of ["auto", "sse"] as const) {
    it.live(`is spoken with a real server, with transport ${transport}`, () =>
      Effect.gen(function*() {
        const { port } = yield* restartable((port) => startEverything("sse", port))
        const gate = yield* gateway({
          servers: [{ id: "everything", type: "remote", url: `http://127.0.0.1:${port}/sse`, transport, auth_strategy: "bypass_auth" }]
        })
        yield* Effect.promise(() => serving(gate.url, "everything"))
        assert.include((yield* echo(gate.url)).text, "hello")
        const client = yield* officialClient(gate.url, "legacy")
        const heard: Array<number> = []
        const done = yield* Effect.promise(() =>
          client.callTool({ name: "everything__trigger-long-running-operation", arguments: { duration: 1, steps: 4 } }, {
            onprogress: ({ progress }) => heard.push(progress)
          })
        )
        assert.include(textOf(done), "completed")
        assert.deepStrictEqual(heard, [1, 2, 3, 4])
      }).pipe(Effect.scoped))
  }

  it.live("comes back after the server was killed", () =>
    Effect.gen(function*() {
      const { kill, port, up } = yield* restartable((port) => startEverything("sse", port))
      const gate = yield* gateway({
        servers: [{ id: "everything", type: "remote", url: `http://127.0.0.1:${port}/sse`, auth_strategy: "bypass_auth" }]
      })
      yield* Effect.promise(() => serving(gate.url, "everything"))
      yield* kill
      const [everything] = yield* Effect.promise(() => down(gate.url, "everything"))
      assert.match(everything?.actual.why ?? "", /ended its event stream|closed the connection|does not listen/u)
      yield* up
      yield* Effect.promise(() => serving(gate.url, "everything"))
      assert.include((yield* echo(gate.url)).text, "hello")
    }).pipe(Effect.scoped))
})
