import { assert, describe, it } from "@effect/vitest"
import { askable, declared } from "../../src/mcp/Askable.ts"

describe("what a client declared", () => {
  it("is equal text for equal ways to be asked, whatever else stands there and in which order", () => {
    const one = askable({ sampling: { tools: {}, x: 1 }, elicitation: { url: { y: 2 }, form: {} }, experimental: {} })
    assert.strictEqual(one, askable({ elicitation: { form: {}, url: {} }, sampling: { tools: {} }, extensions: { a: {} } }))
    assert.strictEqual(one, `{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}}}`)
    assert.strictEqual(askable({ extensions: {} }), "{}")
    assert.strictEqual(askable(null), "{}")
  })

  it("reaches servers that are told with each request as it is, but for the tasks of a revision that they do not know", () => {
    const ui = { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"], later: [1.5] } }
    assert.deepStrictEqual(JSON.parse(declared({ extensions: ui, roots: { listChanged: true }, tasks: { list: {} } })), { extensions: ui, roots: { listChanged: true } })
    assert.strictEqual(declared("nothing"), "{}")
  })

  it("is cut to the ways to be asked when it is longer than anything sensible", () => {
    assert.strictEqual(declared({ roots: {}, experimental: { x: "x".repeat(9000) } }), `{"roots":{}}`)
  })
})
