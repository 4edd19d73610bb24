import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { beyond, elements, members, valueOf, withValue } from "../../src/lib/Json.ts"
import { processorMillis } from "../kit/processorTime.ts"

describe("members of an object", () => {
  it("are the values that were written, whatever they are, spaced or not", () => {
    fc.assert(fc.property(fc.dictionary(anyKey, fc.jsonValue()), fc.constantFrom("", "  ", "\t"), (object, indent) => {
      const text = indent + JSON.stringify(object, null, indent) + indent
      const found = members(text) ?? []
      assert.deepStrictEqual(found.map(({ key }) => key), Object.keys(object))
      for (const { end, key, start } of found) assert.deepStrictEqual(JSON.parse(text.slice(start, end)), roundTrip(object[key]))
    }))
  })

  it("keep numbers and escapes as they were written, not as JavaScript would write them", () => {
    const text = `{"big":9007199254740993,"huge":1e400,"exact":1.10,"text":"\\u0041\\/","deep":{"n":[-0.0]}}`
    const found = members(text) ?? []
    assert.deepStrictEqual(
      found.map(({ end, start }) => text.slice(start, end)),
      ["9007199254740993", "1e400", "1.10", `"\\u0041\\/"`, `{"n":[-0.0]}`]
    )
  })

  it("have their key's escapes resolved, so that a key cannot hide behind one", () => {
    assert.deepStrictEqual(members(`{"n\\u0061me":1}`)?.map(({ key }) => key), ["name"])
  })

  it("are all there when a key is written twice", () => {
    assert.deepStrictEqual(members(`{"a":1,"a":2}`)?.map(({ key }) => key), ["a", "a"])
  })

  it("are not found in what is no whole object, and nothing is thrown", () => {
    for (const text of ["", " ", "[]", "1", "{", `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a":[}`, `{"\\x":1}`]) {
      assert.isUndefined(members(text), text)
    }
  })

  it("never throw or loop on any text", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."{}[]\",:\\a1 ") }), (text) => {
      members(text)
      elements(text)
      beyond(text, { depth: 3, elements: 5 })
    }), { numRuns: 2000 })
  })

  it("can be taken out or replaced, the rest staying byte for byte", () => {
    fc.assert(fc.property(fc.dictionary(anyKey, fc.jsonValue(), { minKeys: 1 }), fc.nat(), fc.jsonValue(), (object, at, value) => {
      const text = JSON.stringify(object, null, 1)
      const found = members(text) ?? []
      const member = found[at % found.length]
      if (member === undefined) return assert.fail("no members")
      const changed = withValue(text, member, JSON.stringify(value))
      assert.deepStrictEqual(JSON.parse(changed), roundTrip({ ...object, [member.key]: value }))
      assert.strictEqual(withValue(changed, { ...member, end: member.start + JSON.stringify(value).length }, valueOf(text, found, member.key) ?? ""), text)
    }))
  })
})

describe("elements of an array", () => {
  it("are the values that were written, in their order", () => {
    fc.assert(fc.property(fc.array(fc.jsonValue()), fc.constantFrom("", "  "), (array, indent) => {
      const text = JSON.stringify(array, null, indent)
      const found = elements(text)?.map(({ end, start }) => JSON.parse(text.slice(start, end)) as unknown)
      assert.deepStrictEqual(found, roundTrip(array))
    }))
  })

  it("are not found in what is no whole array", () => {
    for (const text of ["{}", "[", "[1", "[1,", "[1,]", "[,1]", `["a]`]) assert.isUndefined(elements(text), text)
  })
})

describe("limits", () => {
  it("count the depth and the elements that are there, not those inside strings", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      const { depth, elements } = sizeOf(value)
      assert.isUndefined(beyond(text, { depth, elements }))
      if (depth > 0) assert.strictEqual(beyond(text, { depth: depth - 1, elements: Infinity }), "depth")
      if (elements > 0) assert.strictEqual(beyond(text, { depth: Infinity, elements: elements - 1 }), "elements")
    }))
  })

  it("stop a megabyte of brackets at the limit, and read one of quotes and backslashes in one pass", () => {
    const mebibyte = 1024 * 1024
    for (const hostile of ["[", "{\"a\":", "\\", "\"", "\\\"", "[\"\\\\\",", "\"\\\\"]) {
      const text = hostile.repeat(mebibyte / hostile.length)
      const took = processorMillis(() => {
        beyond(text, { depth: Infinity, elements: Infinity })
        beyond(`"${text}`, { depth: 64, elements: 50_000 })
        members(text)
        members(`{"a":${text}`)
      })
      assert.isBelow(took, 400, JSON.stringify(hostile))
    }
    assert.isBelow(processorMillis(() => beyond("[".repeat(mebibyte), { depth: 64, elements: 50_000 })), 5)
  })
})

const anyKey = fc.string({ unit: "binary" }).filter((key) => key !== "__proto__")

/** What JSON keeps of a value (-0 becomes 0). */
const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** As `beyond` counts: each container is one, and so is each comma. */
const sizeOf = (value: unknown): { readonly depth: number; readonly elements: number } => {
  if (typeof value !== "object" || value === null) return { depth: 0, elements: 0 }
  const inside = Object.values(value).map(sizeOf)
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    elements: 1 + Math.max(0, inside.length - 1) + inside.reduce((sum, { elements }) => sum + elements, 0)
  }
}
