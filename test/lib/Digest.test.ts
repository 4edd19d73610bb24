import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { digest } from "../../src/lib/Digest.ts"

describe("a digest", () => {
  it("is the same in every process, since public names are made of it", () => {
    assert.strictEqual(digest(""), "811c9dc59747b28c")
    assert.strictEqual(digest("foobar"), "bf9cf968f0b32e41")
  })

  it("is 16 hex digits of any text, and another for another text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
      assert.match(digest(one), /^[0-9a-f]{16}$/u)
      assert.strictEqual(digest(one) === digest(other), one === other)
    }))
  })
})
