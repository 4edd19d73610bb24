import { assert, describe, it } from "@effect/vitest"
import { linesOf, ranAt } from "../../scripts/coverage.ts"

const file = {
  statementMap: { 0: at(1), 1: at(2), 2: at(3) },
  s: { 0: 1, 1: 0, 2: 0 }
}

describe("coverage", () => {
  it("takes the count of the narrowest range, not of the function around it", () => {
    const script = ran({ startOffset: 0, endOffset: 20, count: 3 }, { startOffset: 6, endOffset: 12, count: 0 }, { startOffset: 8, endOffset: 9, count: 1 })
    assert.deepStrictEqual(ranAt(script, [0, 5, 6, 7, 8, 9, 11, 12, 19, 20]), [0, 5, 8, 12, 19])
  })

  it("takes the later one of two ranges that are the same, and knows nothing of what no range holds", () => {
    assert.deepStrictEqual(ranAt(ran({ startOffset: 0, endOffset: 4, count: 1 }, { startOffset: 0, endOffset: 4, count: 0 }), [0, 3]), [])
    assert.deepStrictEqual(ranAt(ran(), [0]), [])
  })

  it("counts a line that only a started process ran", () => {
    assert.deepStrictEqual([...linesOf(file, () => false)], [[1, true], [2, false], [3, false]])
    assert.deepStrictEqual([...linesOf(file, ({ line }) => line === 2)], [[1, true], [2, true], [3, false]])
  })
})

function at(line: number) {
  return { start: { line, column: 0 } }
}

const ran = (...ranges: ReadonlyArray<{ startOffset: number; endOffset: number; count: number }>) => ({
  url: "file:///x.ts",
  functions: [{ ranges }]
})
