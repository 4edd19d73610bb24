import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { PassThrough } from "node:stream"
import { Sessions } from "../../src/mcp/Sessions.ts"
import { serveStdio } from "../../src/mcp/Stdio.node.ts"
import { mcpServices } from "../kit/mcpServices.ts"

const initialize = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
const listen = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`

describe("a client on standard input and output", () => {
  it.live("that begins anew has one session, and hears each change once", () =>
    Effect.gen(function*() {
      const { said, send } = yield* client
      send(initialize(1))
      yield* said(/"id":1\}/u)
      send(initialize(2))
      yield* said(/"id":2\}/u)
      assert.strictEqual([...(yield* Sessions).all()].length, 1)
    }).pipe(Effect.scoped, Effect.provide(mcpServices)))

  it.live("that uses the id of a running request is refused, and the request goes on", () =>
    Effect.gen(function*() {
      const { said, send } = yield* client
      send(listen(7))
      yield* said(/acknowledged/u)
      send(listen(7))
      yield* said(/"id":7,"error":\{"code":-32600/u)
      send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
      yield* said(/"resultType":"complete"/u)
    }).pipe(Effect.scoped, Effect.provide(mcpServices)))

  it.live("that sends a message beyond the limit hears so before it is let go", () =>
    Effect.gen(function*() {
      const { said, send, serving } = yield* client
      send("x".repeat(4 * 1024 * 1024 + 1))
      yield* said(/"error":\{"code":-32600/u)
      yield* Fiber.join(serving)
    }).pipe(Effect.scoped, Effect.provide(mcpServices)))

  it.live("that reads no more ends the serving, not the gateway", () =>
    Effect.gen(function*() {
      const { output, serving } = yield* client
      output.destroy(new Error("EPIPE"))
      yield* Fiber.join(serving)
    }).pipe(Effect.scoped, Effect.provide(mcpServices)))
})


const client = Effect.gen(function*() {
  const [input, output] = [new PassThrough(), new PassThrough()]
  let text = ""
  output.on("data", (part: Buffer) => text += part.toString())
  const serving = yield* Effect.forkScoped(serveStdio({ input, output }))
  yield* Effect.yieldNow
  return {
    output,
    serving,
    send: (message: string) => void input.write(`${message}\n`),
    said: (pattern: RegExp) =>
      Effect.promise(async () => {
        while (!pattern.test(text)) await new Promise(setImmediate)
      }).pipe(Effect.timeout("2 seconds"), Effect.orDie)
  }
})
