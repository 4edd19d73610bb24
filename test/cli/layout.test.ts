import { assert, describe, it } from "@effect/vitest"
import { ago, columns, counted, oneLine, wrapped } from "../../src/cli/Layout.ts"
import { printable } from "../../src/lib/Printable.ts"

describe("layout", () => {
  it("takes away what a terminal would obey, and keeps text, tabs and lines", () => {
    assert.strictEqual(printable("a\u001b[31mred\u0007\tb\r\nc\u202ed é 漢"), "a[31mred\tb\ncd é 漢")
    assert.strictEqual(oneLine("  a\n\n b\tc "), "a b c")
  })

  it("pads every column but the last", () => {
    assert.deepStrictEqual(columns([["a", "bbb", "c"], ["aaaa", "b", "cccccc"]]), ["a     bbb  c", "aaaa  b    cccccc"])
    assert.deepStrictEqual(columns([]), [])
  })

  it("fills lines up to the width and never splits a word", () => {
    assert.deepStrictEqual(wrapped("why ", "one two three four", 12), ["why one two", "    three", "    four"])
    assert.deepStrictEqual(wrapped("why ", "supercalifragilistic", 12), ["why supercalifragilistic"])
    assert.deepStrictEqual(wrapped("    ", "", 12), [""])
  })

  it("says a time in one unit, and no time that is not one", () => {
    const now = Date.parse("2026-11-21T12:00:00Z")
    const said = ["2026-11-21T11:59:58Z", "2026-11-21T11:58:00Z", "2026-11-21T09:00:01Z", "2026-11-01T00:00:00Z", "2026-11-21T12:00:09Z", "soon"]
    assert.deepStrictEqual(said.map((since) => ago(since, now)), ["2s ago", "2m ago", "2h ago", "20d ago", "0s ago", "-"])
  })

  it("counts in singular and plural", () => {
    assert.deepStrictEqual([counted(1, "tool"), counted(0, "tool"), counted(2, "tool")], ["1 tool", "0 tools", "2 tools"])
  })
})
