import { assert, describe, it } from "@effect/vitest"
import { countAt, linesOf } from "../../scripts/coverage.ts"

const text = "one()\ntwo()\nthree()\n"
const file = {
  statementMap: { 0: at(1), 1: at(2), 2: at(3) },
  s: { 0: 1, 1: 0, 2: 0 }
}

describe("coverage", () => {
  it("takes the count of the narrowest range, not of the function around it", () => {
    const script = ran({ startOffset: 0, endOffset: 20, count: 3 }, { startOffset: 6, endOffset: 12, count: 0 })
    assert.deepEqual([countAt(script, 0), countAt(script, 7), countAt(script, 13)], [3, 0, 3])
  })

  it("counts a line that only a started process ran", () => {
    const script = ran({ startOffset: 0, endOffset: 12, count: 1 }, { startOffset: 12, endOffset: 19, count: 0 })
    assert.deepEqual([...linesOf(file, text, [])], [[1, true], [2, false], [3, false]])
    assert.deepEqual([...linesOf(file, text, [script])], [[1, true], [2, true], [3, false]])
  })
})

function at(line: number) {
  return { start: { line, column: 0 } }
}

const ran = (...ranges: ReadonlyArray<{ startOffset: number; endOffset: number; count: number }>) => ({
  url: "file:///x.ts",
  functions: [{ ranges }]
})
