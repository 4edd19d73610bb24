import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { fixedParts, mayComeFrom } from "../../src/catalogue/UriTemplates.ts"
import { processorMillis } from "../kit/processorTime.ts"

const matches = (uri: string, template: string) => mayComeFrom(uri, fixedParts(template))

describe("a URI and a template", () => {
  it("belong together whatever the expressions expand to", () => {
    fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), fc.array(text, { minLength: 5, maxLength: 5 }), (fixed, expanded) => {
      const uri = fixed.map((part, index) => index === 0 ? part : `${expanded[index]}${part}`).join("")
      assert.isTrue(matches(uri, fixed.join("{x}")))
    }), { numRuns: 500 })
  })

  it.each([
    ["file:///a/b.txt", "file:///{path}", true],
    ["file:///", "file:///{path}", true],
    ["file:///a", "file:///a", true],
    ["file:///ab", "file:///a", false],
    ["http://x/a", "file:///{path}", false],
    ["repo://o/r/file/x", "repo://{o}/{r}/file/{x}", true],
    ["repo://o/r/dir/x", "repo://{o}/{r}/file/{x}", false],
    ["ab", "a{x}b", true],
    ["a", "a{x}a", false],
    ["x{y}", "x{y", false],
    ["a?q=1", "a{?q}", true]
  ])("%s may come from %s: %s", (uri, template, expected) => {
    assert.strictEqual(matches(uri, template), expected)
  })

  it("take linear time, also where a regular expression would not", () => {
    assert.isBelow(processorMillis(() => assert.isFalse(matches(`${"a".repeat(8000)}!`, `${"{x}a".repeat(2000)}{y}b`))), 50)
  })
})

const text = fc.string({ unit: fc.constantFrom("a", "b", "/", ":", "é") })
