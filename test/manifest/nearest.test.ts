import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { distance, nearest } from "../../src/manifest/Nearest.ts"

const known = ["auth_strategy", "auth_config", "enabled", "required", "prefix", "timeout", "config"]
const name = fc.stringMatching(/^[a-z_]{4,14}$/u)

describe("did you mean", () => {
  it("finds the name behind one wrong letter, wherever it is", () => {
    fc.assert(fc.property(fc.constantFrom(...known), fc.nat(), fc.constantFrom(..."zjk"), (right, place, letter) => {
      const at = place % right.length
      assert.strictEqual(nearest(right.slice(0, at) + letter + right.slice(at + 1), known), right)
      assert.strictEqual(nearest(right.slice(0, at) + right.slice(at + 1), known), right)
      assert.strictEqual(nearest(right.slice(0, at) + letter + right.slice(at), known), right)
    }))
  })

  it("never offers the name that was written, nor one that is not known", () => {
    fc.assert(fc.property(name, fc.array(name), (written, names) => {
      const offered = nearest(written, names)
      assert.isTrue(offered === undefined || (offered !== written && names.includes(offered)))
    }))
  })

  it("sees through case, dashes and underscores, but not through another word", () => {
    assert.strictEqual(nearest("authStrategy", known), "auth_strategy")
    assert.strictEqual(nearest("auth-config", known), "auth_config")
    assert.strictEqual(nearest("url", known), undefined)
    assert.strictEqual(nearest("package", known), undefined)
  })

  it("counts the same steps in both directions, and none between equals", () => {
    fc.assert(fc.property(name, name, (a, b) => {
      assert.strictEqual(distance(a, b), distance(b, a))
      assert.strictEqual(distance(a, a), 0)
      assert.isAtMost(distance(a, b), Math.max(a.length, b.length))
    }))
  })
})
