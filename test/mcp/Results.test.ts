import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Chunk } from "../../src/mcp/Exchange.ts"
import { downgraded, upgraded } from "../../src/mcp/Results.ts"

describe("a legacy result for a modern client", () => {
  it("says that it is complete, and is otherwise as it was, byte for byte", () => {
    assert.strictEqual(textOf(upgraded("tools/call", Buffer.from(`{ "content":[],"n":9007199254740993}`))), `{"resultType":"complete", "content":[],"n":9007199254740993}`)
    fc.assert(fc.property(anyObject, fc.constantFrom("", " "), (value, space) => {
      const upgradedValue = JSON.parse(textOf(upgraded("tools/call", Buffer.from(space + JSON.stringify(value, null, space)))))
      assert.deepStrictEqual(upgradedValue, JSON.parse(JSON.stringify({ resultType: "complete", ...value })))
    }))
  })

  it("is never to be cached when a resource was read, and says nothing of it elsewhere", () => {
    assert.strictEqual(textOf(upgraded("resources/read", Buffer.from("{}"))), `{"resultType":"complete","ttlMs":0,"cacheScope":"private"}`)
    assert.strictEqual(textOf(upgraded("prompts/get", Buffer.from("{ }"))), `{"resultType":"complete"}`)
  })

  it("that has a type keeps it; one deeper inside is none of it", () => {
    const typed = `{"a":1,"resultType":"input_required"}`
    assert.strictEqual(textOf(upgraded("tools/call", Buffer.from(typed))), typed)
    assert.strictEqual(textOf(upgraded("tools/call", Buffer.from(`{"a":{"resultType":"x"}}`))), `{"resultType":"complete","a":{"resultType":"x"}}`)
  })

  it("that is no object stays what it is, and JSON", () => {
    for (const text of ["5", "null", "[{\"a\":1}]", "\"{\"", "[]"]) assert.strictEqual(textOf(upgraded("tools/call", Buffer.from(text))), text)
  })
})

describe("a modern result for a legacy client", () => {
  it("loses what only modern clients know, and is otherwise as it was, byte for byte", () => {
    const modern = `{"resultType":"complete","content":[{"text":"é😀"}],"ttlMs":5,"n":9007199254740993,"cacheScope":"public","a":{"ttlMs":1}}`
    assert.strictEqual(downgradedText(modern), `{"content":[{"text":"é😀"}],"n":9007199254740993,"a":{"ttlMs":1}}`)
    assert.strictEqual(downgradedText(`{"resultType":"complete"}`), "{}")
    assert.strictEqual(downgradedText(`{"a":1}`), `{"a":1}`)
  })

  it("that a legacy client has no word for is named, not passed on", () => {
    for (const type of ["input_required", "task", "new"]) {
      assert.deepStrictEqual(downgraded(Buffer.from(`{"x":1,"resultType":"${type}"}`)), { unfit: type })
    }
  })

  it("is what an upgraded one was", () => {
    fc.assert(fc.property(anyObject, (value) => {
      const text = JSON.stringify(value)
      assert.deepStrictEqual(JSON.parse(downgradedText(textOf(upgraded("resources/read", Buffer.from(text))))), JSON.parse(text))
    }))
  })
})

const anyObject = fc.dictionary(fc.string().filter((key) => !["resultType", "ttlMs", "cacheScope", "__proto__"].includes(key)), fc.jsonValue())

const textOf = (chunks: ReadonlyArray<Chunk>): string => Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).toString("utf8")

const downgradedText = (text: string): string => {
  const result = downgraded(Buffer.from(text))
  return "unfit" in result ? assert.fail(result.unfit) : textOf(result)
}
