import { assert, describe, it } from "@effect/vitest"
import type { Exchange } from "../../../src/mcp/Exchange.ts"
import { readInbound } from "../../../src/mcp/Inbound.ts"
import { check, decoded } from "../../../src/mcp/revision/ModernChecks.ts"

const VERSION = "io.modelcontextprotocol/protocolVersion"
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
const envelope = { [VERSION]: "2026-07-28", [CAPABILITIES]: {} }
const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "find" }

describe("a modern request", () => {
  it("passes when its envelope is whole and its headers repeat its body", () => {
    assert.isUndefined(refusalOf(call(), headers))
    assert.isUndefined(refusalOf(call({ name: "größe" }), { ...headers, "mcp-name": "=?base64?Z3LDtsOfZQ==?=" }))
    assert.isUndefined(refusalOf({ method: "tools/list", params: { _meta: envelope } }, { ...headers, "mcp-method": "tools/list" }))
  })

  it.each([
    ["no _meta", {}],
    ["no version", { _meta: { [CAPABILITIES]: {} } }],
    ["a version that is no text", { _meta: { ...envelope, [VERSION]: 5 } }],
    ["no capabilities", { _meta: { [VERSION]: "2026-07-28" } }],
    ["capabilities that are none", { _meta: { ...envelope, [CAPABILITIES]: [] } }]
  ])("with %s is invalid, before anything else is said of it", (_, params) => {
    assert.deepInclude(refusalOf({ method: "tools/call", params }, {}), { status: 400, code: -32602 })
  })

  it.each<readonly [string, Record<string, string | undefined>]>([
    ["a version that differs", { "mcp-protocol-version": "2025-11-25" }],
    ["no version", { "mcp-protocol-version": undefined }],
    ["a method that differs", { "mcp-method": "tools/list" }],
    ["a method in another case", { "mcp-method": "Tools/Call" }],
    ["no method", { "mcp-method": undefined }],
    ["a name that differs", { "mcp-name": "delete" }],
    ["several names", { "mcp-name": "find, delete" }],
    ["no name, or two headers", { "mcp-name": undefined }],
    ["an encoded name that differs", { "mcp-name": "=?base64?ZGVsZXRl?=" }],
    ["a name whose encoding is broken", { "mcp-name": "=?base64?ZmluZA?=" }]
  ])("over HTTP with %s in its headers is a mismatch, and over a channel none", (_, differing) => {
    const given = { ...headers, ...differing }
    assert.deepInclude(refusalOf(call(), given), { status: 400, code: -32020 })
    assert.isUndefined(refusalOf(call(), given, "channel"))
  })

  it("of a version that is not spoken learns which are, without its own being repeated at length", () => {
    const version = "x".repeat(1000)
    const refusal = refusalOf(call({}, { [VERSION]: version }), { ...headers, "mcp-protocol-version": version })
    assert.deepInclude(refusal, { status: 400, code: -32022 })
    assert.isBelow(refusal?.message.length ?? 0, 100)
    assert.deepNestedInclude(refusal, { "data.supported[0]": "2026-07-28" })
  })
})

describe("a header value", () => {
  it("is taken as it is unless it is Base64 in its wrapping", () => {
    for (const plain of ["find", "=?base64?", "?=", "=?BASE64?YQ==?=", "a=?base64?YQ==?="]) assert.strictEqual(decoded(plain), plain)
    assert.strictEqual(decoded("=?base64?w6k=?="), "é")
    assert.strictEqual(decoded("=?base64??="), "")
  })

  it("is nothing when what is wrapped is not strict Base64 of UTF-8", () => {
    for (const inside of ["w6k", "w6k=\u00a0", "_-8=", "YR==", "/w==", "Y Q=="]) assert.isUndefined(decoded(`=?base64?${inside}?=`), inside)
  })
})

const call = (params: object = {}, meta: object = {}) => ({
  method: "tools/call",
  params: { name: "find", ...params, _meta: { ...envelope, ...meta } }
})

const refusalOf = (
  message: { readonly method: string; readonly params: object },
  headers: Readonly<Record<string, string | undefined>>,
  transport: Exchange["transport"] = "http"
) => {
  const inbound = readInbound(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...message })))
  if (inbound.kind !== "message") return assert.fail(inbound.kind)
  // The checks read only these two.
  const exchange = { transport, header: (name: string) => headers[name] } as Exchange
  return check(exchange, inbound.message)
}
