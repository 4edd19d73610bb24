import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { openChannel } from "../../src/mcp/Channel.ts"
import { LOCAL } from "../../src/guard/Authentication.ts"
import type { McpServices } from "../../src/mcp/McpServices.ts"
import { Sessions } from "../../src/mcp/Sessions.ts"
import { mcpServices } from "../kit/mcpServices.ts"

const MEBIBYTE = 1024 * 1024

describe("a channel with a client", () => {
  it.live("drops notifications that are not read, but no answer, until it lets the client go", () =>
    Effect.gen(function*() {
      const { behind, channel, closed, heard } = yield* client
      channel.receive(text(INITIALIZE))
      const [session] = (yield* Sessions).all()
      behind(MEBIBYTE + 1)
      session?.stream?.send("{}")
      channel.receive(text(ping(1)))
      assert.deepStrictEqual(heard.slice(1), [`{"jsonrpc":"2.0","result":{},"id":1}`])
      behind(16 * MEBIBYTE + 1)
      channel.receive(text(ping(2)))
      assert.deepStrictEqual(closed, ["Too many answers wait to be read"])
      assert.deepStrictEqual([...(yield* Sessions).all()], [])
      behind(0)
      channel.receive(text(ping(3)))
      assert.strictEqual(heard.length, 2)
    }).pipe(Effect.provide(mcpServices)))

  it.live("runs 1024 requests at once and refuses the next, but still takes what cancels one", () =>
    Effect.gen(function*() {
      const { channel, heard } = yield* client
      for (let id = 1; id <= 1024; id++) channel.receive(text(listen(id)))
      channel.receive(text(ping(2000)))
      assert.match(heard.at(-1) ?? "", /"id":2000,"error".*Too many requests run at once/u)
      channel.receive(text(cancelled(1)))
      assert.include(heard.at(-1), `"resultType":"complete"`)
      channel.receive(text(INITIALIZE))
      assert.include(heard.at(-1), `"protocolVersion"`)
      assert.deepStrictEqual(channel.running(), { requests: 1023, listens: 1023 })
      channel.end()
    }).pipe(Effect.provide(mcpServices)))

  it.live("holds 32 MiB of requests and refuses the next, however few they are", () =>
    Effect.gen(function*() {
      const { channel, heard } = yield* client
      for (let id = 1; id <= 9; id++) channel.receive(text(listen(id, "x".repeat(4 * MEBIBYTE - 1024))))
      assert.strictEqual(channel.running().requests, 9)
      channel.receive(text(listen(10)))
      assert.match(heard.at(-1) ?? "", /"id":10,"error".*Too many requests run at once/u)
      channel.end()
    }).pipe(Effect.provide(mcpServices)))

  it.live("of both eras cancels in each what it means", () =>
    Effect.gen(function*() {
      const { channel, heard } = yield* client
      channel.receive(text(INITIALIZE))
      channel.receive(text(listen(7)))
      channel.receive(text(cancelled(8)))
      assert.strictEqual(channel.running().listens, 1)
      channel.receive(text(cancelled(7)))
      assert.strictEqual(channel.running().listens, 0)
      assert.include(heard.at(-1), `"resultType":"complete"`)
    }).pipe(Effect.provide(mcpServices)))

  it.live("that is drained ends its listens, refuses what is new, and says nothing after its end", () =>
    Effect.gen(function*() {
      const { channel, heard } = yield* client
      channel.receive(text(listen(1)))
      yield* channel.drain
      assert.include(heard.at(-1), `"resultType":"complete"`)
      channel.receive(text(ping(2)))
      assert.include(heard.at(-1), "The gateway is stopping")
      channel.end()
      channel.receive(text(ping(3)))
      assert.include(heard.at(-1), "The gateway is stopping")
    }).pipe(Effect.provide(mcpServices)))
})

const INITIALIZE = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
const ping = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`
const cancelled = (id: number) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`
const listen = (id: number, more = "") =>
  `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":{},"more":"${more}","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`

const text = (message: string) => Buffer.from(message)

/** A channel whose other end is `behind` by as many bytes as the test says. */
const client = Effect.gen(function*() {
  const context = yield* Effect.context<McpServices>()
  const heard: Array<string> = []
  const closed: Array<string> = []
  let waiting = 0
  const channel = openChannel(context, LOCAL, {
    write: (message) => heard.push(message.map(String).join("")),
    waiting: () => waiting,
    close: (why) => closed.push(why)
  })
  const behind = (bytes: number) => {
    waiting = bytes
  }
  return { channel, heard, closed, behind }
})

