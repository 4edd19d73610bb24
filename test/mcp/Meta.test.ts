import { assert, describe, it } from "@effect/vitest"
import { metaOf } from "../../src/mcp/Meta.ts"
import { readInbound } from "../../src/mcp/Inbound.ts"

describe("the _meta of a request", () => {
  it("passes on what is nobody's envelope, as it was written, and keeps the envelope back", () => {
    const meta = metaWith(`{"traceparent":"00-1","io.modelcontextprotocol/protocolVersion":"2026-07-28","com.example/n": 9007199254740993,"progressToken":5,
      "io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"info"}`)
    assert.strictEqual(meta.passed, `"traceparent":"00-1","com.example/n": 9007199254740993`)
  })

  it("gives its members as JSON text, also those it keeps back", () => {
    const meta = metaWith(`{"progressToken":"5","a":[1, 2]}`)
    assert.strictEqual(meta.raw("progressToken"), "\"5\"")
    assert.strictEqual(meta.raw("a"), "[1, 2]")
    assert.isUndefined(meta.raw("toString"))
  })

  it("is empty where there is none", () => {
    for (const meta of [metaWith("{}"), metaOf(messageOf(`{"jsonrpc":"2.0","id":1,"method":"x"}`))]) {
      assert.strictEqual(meta.passed, "")
      assert.isUndefined(meta.raw("progressToken"))
    }
  })
})

const messageOf = (text: string) => {
  const inbound = readInbound(Buffer.from(text))
  return inbound.kind === "message" ? inbound.message : assert.fail(inbound.kind)
}

const metaWith = (meta: string) => metaOf(messageOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":${meta}}}`))
