import { assert, describe, it } from "@effect/vitest"
import type { Era } from "../../src/backend/Era.ts"
import { errorFor } from "../../src/mcp/Failures.ts"

const from = (era: Era, code: number) => ({ kind: "error" as const, era, error: { code, message: "m", raw: `{"code":${code},"message":"m"}` } })

describe("an error of a server", () => {
  it("of the range that the modern revision defines keeps its meaning only from a modern server, and no gateway fault is passed on", () => {
    assert.isUndefined(errorFor("modern", from("modern", -32021)))
    for (const code of [-32020, -32021, -32022, -32042, -32099]) {
      const answer = errorFor("modern", from("legacy", code))
      assert.strictEqual(answer?.code, -32603, String(code))
    }
    assert.strictEqual(errorFor("modern", from("modern", -32050))?.code, -32603)
    assert.strictEqual(errorFor("modern", from("modern", -32022))?.code, -32603)
  })

  it("is for a legacy client what a legacy server wrote, and in words where only the modern revision has the code", () => {
    for (const code of [-32021, -32042, -32002, -32000, 1]) assert.isUndefined(errorFor("legacy", from("legacy", code)), String(code))
    assert.match(errorFor("legacy", from("modern", -32021))?.message ?? "", /capability/u)
  })

  it("that names no resource is an invalid parameter of the modern revision", () => {
    assert.deepStrictEqual(errorFor("modern", from("legacy", -32002)), { code: -32602, message: "m" })
    assert.isUndefined(errorFor("modern", from("modern", -32602)))
  })
})
