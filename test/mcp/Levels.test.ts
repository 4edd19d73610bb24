import { assert, describe, it } from "@effect/vitest"
import { LEVELS } from "../../src/backend/LogLevels.ts"
import { isLevel, reaches } from "../../src/mcp/Levels.ts"

const log = (level: unknown) => JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { level } })

describe("a log message", () => {
  it("reaches a client that asked for its severity or a lesser one, and no other", () => {
    for (const [at, level] of LEVELS.entries()) {
      assert.deepStrictEqual(LEVELS.map((least) => reaches(log(level), least)), LEVELS.map((_, least) => at >= least))
    }
  })

  it("without a level of the protocol reaches nobody", () => {
    for (const level of ["trace", "INFO", "", 5, null, undefined]) assert.isFalse(reaches(log(level), "debug"), String(level))
    for (const text of ["{}", "[]", "5", `{"params":5}`]) assert.isFalse(reaches(text, "debug"))
  })
})

it("a level is one of the eight, in its exact case", () => {
  assert.isTrue(LEVELS.length === 8 && LEVELS.every(isLevel))
  for (const level of ["Info", "warn", "toString", "", 3, undefined]) assert.isFalse(isLevel(level))
})
