import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { argumentsOf } from "../../src/cli/JsonArgument.ts"

describe("the arguments of a tool", () => {
  it.effect("are the object that was typed", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* argumentsOf(" {\"a\": [1, {\"b\": null}]} "), { a: [1, { b: null }] })
    }))

  for (const [text, line, column] of mistakes()) {
    it.effect(`point at line ${line}, column ${column} of ${JSON.stringify(text)}`, () =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(argumentsOf(text))
        assert.include(message, `not JSON: line ${line}, column ${column}: `)
        const [, shown = "", caret = ""] = message.split("\n")
        assert.strictEqual(caret.indexOf("^"), 1 + column)
        assert.strictEqual(shown.slice(2), text.split("\n")[line - 1])
      }))
  }

  it.effect("show the part of a long line where the mistake is", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(argumentsOf(`{"a": "${"x".repeat(500)}", "b": oops}`))
      const [, shown = "", caret = ""] = message.split("\n")
      assert.strictEqual(shown[caret.indexOf("^")], "o")
      assert.isBelow(shown.length, 80)
    }))

  for (const [text, kind] of [["[1]", "a list"], ["null", "null"], ["7", "a number"], ["\"a\"", "a string"]] as const) {
    it.effect(`are refused when they are ${kind}`, () =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(argumentsOf(text))
        assert.include(message, `The arguments are ${kind}, expected a JSON object`)
      }))
  }
})

/** Each kind of sentence that V8 has, with and without a position of its own. */
function mistakes(): ReadonlyArray<readonly [text: string, line: number, column: number]> {
  return [
    ["{\"a\": 1,, }", 1, 9],
    ["{\"a\": 1", 1, 8],
    ["x", 1, 1],
    ["", 1, 1],
    ["{a:1}", 1, 2],
    ["{\"a\":\"x}", 1, 9],
    ["{\"a\": tru}", 1, 10],
    ["{\"a\": 1} x", 1, 10],
    ["{\"a\":\n 1,\n x}", 3, 2],
    ["{\"a\": [1,\n2,}", 2, 3],
    ["'{}'", 1, 1]
  ]
}
