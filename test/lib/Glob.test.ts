import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { glob } from "../../src/lib/Glob.ts"

const fits = (pattern: string, value: string) => glob(pattern).matches(value)

describe("a glob", () => {
  it("matches what a regular expression of the same meaning matches, and nothing else", () => {
    const text = (...letters: ReadonlyArray<string>) => fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((all) => all.join(""))
    fc.assert(fc.property(text("a", "b", "/", "*", "**"), text("a", "b", "/"), (pattern, value) => {
      const same = pattern === "*" ? /^/u : new RegExp(`^${pattern.replaceAll(/\*+/gu, (stars) => stars.length === 1 ? "[^/]*" : ".*")}$`, "u")
      assert.strictEqual(fits(pattern, value), same.test(value), `${pattern} ${value}`)
    }), { numRuns: 3000 })
  })

  it("stays within a part of a path with one star, goes beyond it with two, and takes a lone star for everything", () => {
    assert.deepStrictEqual(["file:///a/*", "file:///a/**", "*", "read_*"].map((pattern) => fits(pattern, "file:///a/b/c")), [false, true, true, false])
    assert.deepStrictEqual(["file:///a/*", "read_*", "*_file"].map((pattern) => fits(pattern, pattern === "file:///a/*" ? "file:///a/b" : "read_file")), [true, true, true])
  })

  it("takes a character that means something elsewhere for itself", () => {
    assert.isTrue(fits("memo://x?y[1].{z}*", "memo://x?y[1].{z}!"))
    assert.isFalse(fits("a.c", "abc"))
  })

  it("needs no longer for a pattern that makes regular expressions go back and forth", () => {
    const began = performance.now()
    assert.isFalse(fits(`${"**a".repeat(80)}b`, "a".repeat(8192)))
    assert.isBelow(performance.now() - began, 2000)
  })
})
