import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { lineReader } from "../../src/lib/LineReader.ts"
import { processorMillis } from "../kit/processorTime.ts"

describe("lines", () => {
  it("are the same however their bytes were cut into chunks", () => {
    fc.assert(fc.property(fc.array(lineText), fc.array(fc.nat(40)), fc.constantFrom("\n", "\r\n"), (lines, cuts, end) => {
      const read = reading()
      for (const chunk of chunked(Buffer.from(lines.map((line) => line + end).join("")), cuts)) read.feed(chunk)
      assert.deepStrictEqual(read.lines, lines.filter((line) => line !== ""))
      assert.strictEqual(read.blanks(), lines.filter((line) => line === "").length)
      assert.strictEqual(read.overflows(), 0)
    }), { numRuns: 500 })
  })

  it("are given only when they end", () => {
    const read = reading()
    read.feed(Buffer.from("half"))
    assert.deepStrictEqual(read.lines, [])
    read.feed(Buffer.from(" and whole\nnext"))
    assert.deepStrictEqual(read.lines, ["half and whole"])
  })

  it("keep a carriage return that is not at their end", () => {
    const read = reading()
    read.feed(Buffer.from("a\rb\r"))
    read.feed(Buffer.from("\nc\r\r\n"))
    assert.deepStrictEqual(read.lines, ["a\rb", "c\r"])
  })

  it("of exactly the limit pass, and one byte more ends the reading once and for all", () => {
    fc.assert(fc.property(fc.array(fc.nat(9)), (cuts) => {
      const read = reading(10)
      for (const chunk of chunked(Buffer.from("0123456789\nabc\n0123456789x\nafter\n"), cuts)) read.feed(chunk)
      assert.deepStrictEqual(read.lines, ["0123456789", "abc"])
      assert.strictEqual(read.overflows(), 1)
    }))
  })

  it("beyond the limit are noticed before their end comes, so that nothing is gathered", () => {
    const read = reading(100)
    for (let i = 0; i < 11; i++) read.feed(Buffer.alloc(10, "x"))
    assert.strictEqual(read.overflows(), 1)
  })

  it("of many chunks are joined once: 8 MiB in pieces of 64 bytes take no time to speak of", () => {
    const read = reading(10 * 1024 * 1024)
    const piece = Buffer.alloc(64, "x")
    const took = processorMillis(() => {
      for (let i = 0; i < 131_072; i++) read.feed(piece)
      read.feed(Buffer.from("\n"))
    })
    assert.strictEqual(read.lines[0]?.length, 8 * 1024 * 1024)
    assert.isBelow(took, 1000)
  })
})

const lineText = fc.string({ unit: fc.constantFrom("a", "é", "😀", "{", " ", "\t") })

const reading = (limit = 1000) => {
  const lines: Array<string> = []
  let overflows = 0
  let blanks = 0
  const feed = lineReader(limit, (line) => lines.push(line.toString("utf8")), () => overflows++, () => blanks++)
  return { feed, lines, overflows: () => overflows, blanks: () => blanks }
}

/** The bytes in pieces of these sizes, the rest as the last one. */
const chunked = (bytes: Buffer, sizes: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  let at = 0
  return [...sizes.map((size) => bytes.subarray(at, at += size)), bytes.subarray(at)]
}
