import { assert, describe, it } from "@effect/vitest"
import { headersFor, paramHeadersOf } from "../../src/catalogue/ParamHeaders.ts"

const schema = (properties: object) => ({ type: "object", properties })

describe("the headers that a tool's schema asks for", () => {
  it("are found at any depth that properties alone lead to", () => {
    const found = paramHeadersOf(schema({
      region: { type: "string", "x-mcp-header": "Region" },
      deep: schema({ flag: { type: "boolean", "x-mcp-header": "Flag" }, properties: { type: "integer", "x-mcp-header": "N" } })
    }))
    assert.deepStrictEqual(found, [
      { header: "mcp-param-region", path: ["region"] },
      { header: "mcp-param-flag", path: ["deep", "flag"] },
      { header: "mcp-param-n", path: ["deep", "properties"] }
    ])
  })

  it("are none in a schema without them, or that is none", () => {
    for (const none of [undefined, null, 5, {}, schema({ a: { type: "string" } }), schema({ "x-mcp-header": { type: "string" } })]) {
      assert.deepStrictEqual(paramHeadersOf(none), [])
    }
  })

  it.each([
    ["an empty name", { a: { type: "string", "x-mcp-header": "" } }],
    ["a name with a line break", { a: { type: "string", "x-mcp-header": "A\r\nB" } }],
    ["a name that is no text", { a: { type: "string", "x-mcp-header": 5 } }],
    ["a number, whose text is not certain", { a: { type: "number", "x-mcp-header": "A" } }],
    ["an object", { a: { type: "object", "x-mcp-header": "A" } }],
    ["a value of several types", { a: { type: ["string", "null"], "x-mcp-header": "A" } }],
    ["the same name twice, whatever its case", { a: { type: "string", "x-mcp-header": "A" }, b: { type: "string", "x-mcp-header": "a" } }],
    ["an item of a list", { a: { type: "array", items: { type: "string", "x-mcp-header": "A" } } }],
    ["an alternative", { a: { anyOf: [{ type: "string", "x-mcp-header": "A" }] } }],
    ["a property of an alternative", { a: { oneOf: [schema({ b: { type: "string", "x-mcp-header": "A" } })] } }]
  ])("keep the tool out when they are wrong: %s", (_, properties) => {
    assert.isString(paramHeadersOf(schema(properties)))
  })

  it("keep the tool out when they stand on the whole schema", () => {
    assert.isString(paramHeadersOf({ type: "string", "x-mcp-header": "A" }))
  })
})

describe("the headers of one call", () => {
  const headers = [{ header: "mcp-param-a", path: ["a"] }, { header: "mcp-param-b", path: ["x", "b"] }]

  it("repeat the arguments, at their depth", () => {
    assert.deepStrictEqual(headersFor(headers, { a: "é ", x: { b: 5 } }), [
      { header: "mcp-param-a", value: "é " },
      { header: "mcp-param-b", value: "5" }
    ])
    assert.deepStrictEqual(headersFor(headers, { a: false }), [{ header: "mcp-param-a", value: "false" }])
  })

  it("leave out what is absent, null or no plain value, and look up no prototype", () => {
    for (const args of [undefined, null, 5, {}, { a: null, x: { b: {} } }, { x: [] }]) assert.deepStrictEqual(headersFor(headers, args), [])
    for (const path of [["__proto__"], ["constructor", "name"], ["toString", "name"]]) {
      assert.deepStrictEqual(headersFor([{ header: "mcp-param-a", path }], {}), [])
    }
  })
})
