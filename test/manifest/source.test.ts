import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { sayProblem } from "../../src/manifest/Problem.ts"
import { readSource } from "../../src/manifest/Source.ts"
import { nodeAt, originOf, plain } from "../../src/manifest/Tree.ts"
import { processorMillis } from "../kit/processorTime.ts"

describe("the text of a manifest", () => {
  it("is read as plain data, with or without a byte order mark", () => {
    for (const mark of ["", "\uFEFF"]) {
      const { problems, tree } = readSource(`${mark}version: 1\nservers: [{ id: a }]\n`, "m.yaml")
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(tree === undefined ? undefined : plain(tree), { version: 1, servers: [{ id: "a" }] })
    }
  })

  for (const [what, text, expected] of [
    ["a merge key", "a: &x {b: 1}\nc:\n  <<: *x\n", "m.yaml:3:3: merge keys (<<) are not taken, expected each key written out"],
    ["a custom tag", "a: !run x\n", "m.yaml:1:9: tags (!run) are not taken, expected a plain value"],
    ["a standard tag", "a: !!binary eA==\n", "m.yaml:1:13: tags (tag:yaml.org,2002:binary) are not taken, expected a plain value"],
    ["a key that stands twice", "a: 1\nb: 2\na: 3\n", "m.yaml:3:1: \"a\" stands here a second time, expected each key once"],
    ["a key that reaches the prototype", "hosting:\n  __proto__: {}\n", "m.yaml:2:3: \"__proto__\" cannot be a key"],
    ["a second document", "a: 1\n---\nb: 2\n", "m.yaml:2:1: holds more than one document: remove the --- lines"],
    ["a tab as indent", "a:\n\t- b\n", "m.yaml:2:1: a tab is used to indent: YAML takes spaces only"],
    ["a list that never closes", "a: [1\nb: 2\n", "m.yaml:2:1: is not valid YAML: "],
    ["an alias without its anchor", "a: *nobody\n", "m.yaml:1:4: "],
    ["a list instead of a map", "- 1\n", "m.yaml:1:1: is a list, expected a map that begins with \"version: 1\""],
    ["an infinite number", "a: .inf\n", "m.yaml:1:4: is not a finite number"],
    ["nothing", "", "m.yaml:1:1: is empty: a manifest begins with \"version: 1\""],
    ["nothing but a comment", "# later\n", "m.yaml:1:1: is empty: a manifest begins with \"version: 1\""],
    ["nothing but a document mark", "---\n", "m.yaml:1:1: is empty: a manifest begins with \"version: 1\""]
  ] as const) {
    it(`refuses ${what}, at its line`, () => {
      const said = readSource(text, "m.yaml").problems.map(sayProblem)
      assert.isTrue(said.some((line) => line.startsWith(expected)), said.join("\n"))
    })
  }

  it("reports every mistake, not only the first", () => {
    const said = readSource("a: 1\na: 2\nb: !x y\nc: &c {}\nd: { <<: *c }\n", "m.yaml").problems
    assert.deepStrictEqual(said.map(({ line }) => line), [2, 3, 5])
  })

  it("takes 50 aliases and refuses 51", () => {
    const withAliases = (count: number) => `a: &a x\nb: [${Array.from({ length: count }, () => "*a").join(", ")}]\n`
    assert.deepStrictEqual(readSource(withAliases(50), "m.yaml").problems, [])
    assert.match(readSource(withAliases(51), "m.yaml").problems[0]?.message ?? "", /more than 50 aliases/u)
  })

  it("stops a billion laughs within its limits instead of filling the memory", () => {
    const levels = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array.from({ length: 9 }, () => `*l${level}`).join(", ")}]`)
    const text = `l0: &l0 [lol, lol, lol]\n${levels.join("\n")}\n`
    assert.isBelow(processorMillis(() => assert.isAbove(readSource(text, "m.yaml").problems.length, 0)), 500)
  })

  it("refuses an alias that holds itself instead of following it for ever", () => {
    assert.isAbove(readSource("a: &a [*a]\n", "m.yaml").problems.length, 0)
  })

  it("takes 32 levels and refuses deeper ones", () => {
    const nested = (depth: number) => `a: ${"[".repeat(depth)}${"]".repeat(depth)}\n`
    assert.deepStrictEqual(readSource(nested(31), "m.yaml").problems, [])
    assert.match(readSource(nested(40), "m.yaml").problems[0]?.message ?? "", /deeper than 32/u)
    assert.match(readSource(nested(5000), "m.yaml").problems[0]?.message ?? "", /deeper than 32/u)
  })

  it("refuses more than 1 MiB without reading it", () => {
    assert.deepStrictEqual(readSource(`a: ${"x".repeat(1024 * 1024)}\n`, "m.yaml").problems.map(({ message }) => message), ["is larger than 1 MiB"])
  })

  it("points at the line where a value stands, whatever stands around it", () => {
    const key = fc.stringMatching(/^[a-z]{1,8}$/u)
    fc.assert(fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 12 }), fc.nat(3), (keys, blanks) => {
      const text = keys.map((each) => `${"# note\n".repeat(blanks)}${each}:\n  deep: [1, ${each}]\n`).join("")
      const { tree } = readSource(text, "m.yaml")
      for (const [index, each] of keys.entries()) {
        if (tree === undefined) return assert.fail("no tree")
        const expected = index * (blanks + 2) + blanks + 1
        assert.deepStrictEqual(originOf(tree, [each], "key"), { file: "m.yaml", line: expected, column: 1 })
        assert.strictEqual(originOf(tree, [each, "deep", 1]).line, expected + 1)
        const node = nodeAt(tree, [each, "deep", 1])
        assert.isDefined(node)
      }
    }))
  })

  it("never throws, whatever the text is", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab:-[]{}&*!?|>'\"%@#, \n\t<~"), maxLength: 60 }), (text) => {
      const { problems, tree } = readSource(text, "m.yaml")
      assert.isTrue(tree !== undefined || problems.length > 0)
    }), { numRuns: 500 })
  })
})
