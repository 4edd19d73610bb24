import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type Call, headerValue, legacyText, modernHeaders, modernText } from "../../src/backend/Era.ts"
import { decoded } from "../../src/mcp/revision/ModernChecks.ts"

describe("a call in the words of an era", () => {
  it("is one line of JSON with the parameters as they were given, in both", () => {
    for (const text of [legacyText, modernText]) {
      const line = text({ ...plain, params: `"arguments":{"n":9007199254740993,"n":1e400}` }, 7)
      assert.include(line, `"params":{"arguments":{"n":9007199254740993,"n":1e400}`)
      const { id, jsonrpc, method } = JSON.parse(line)
      assert.deepStrictEqual({ id, jsonrpc, method }, { id: 7, jsonrpc: "2.0", method: "tools/call" })
    }
  })

  it("carries the envelope to a modern backend, and none of it to a legacy one", () => {
    const call: Call = { ...plain, meta: `"traceparent":"00-1"`, envelope: { capabilities: `{"roots":{}}`, client: `{"name":"c"}`, logLevel: `"info"` } }
    assert.deepStrictEqual(JSON.parse(modernText(call, 1)).params._meta, {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": { roots: {} },
      "io.modelcontextprotocol/clientInfo": { name: "c" },
      "io.modelcontextprotocol/logLevel": "info",
      traceparent: "00-1"
    })
    assert.deepStrictEqual(JSON.parse(legacyText(call, 1)).params, { _meta: { traceparent: "00-1" } })
  })

  it("asks for progress under the request's own id, and only when the caller asked", () => {
    for (const text of [legacyText, modernText]) {
      assert.strictEqual(JSON.parse(text({ ...plain, progressToken: `"theirs"` }, 9)).params._meta.progressToken, 9)
      assert.notInclude(text(plain, 9), "progressToken")
    }
    assert.strictEqual(legacyText(plain, 9), `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{}}`)
  })
})

describe("the headers of a modern request", () => {
  it("say its method, its version and its name, beside those of the call alone", () => {
    assert.deepStrictEqual(modernHeaders({ ...plain, name: "find", headers: { "mcp-param-a": "1" } }), {
      "mcp-param-a": "1",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "find"
    })
    assert.notProperty(modernHeaders(plain), "mcp-name")
  })

  it("hold any text in a form that a header may have and that reads back as the same", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const value = headerValue(text)
      assert.match(value, /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/u)
      assert.strictEqual(decoded(value), text)
    }))
    for (const text of ["", " a", "a ", "a\r\nx: y", "é", "=?base64?YQ==?=", "\u0000"]) assert.strictEqual(decoded(headerValue(text)), text)
    assert.strictEqual(headerValue("plain name"), "plain name")
  })
})

const plain: Call = { method: "tools/call", params: "", meta: "", envelope: { capabilities: "{}" }, headers: {} }
