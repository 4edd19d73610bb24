import { assert, describe, it } from "@effect/vitest"
import { differences, outcomeOf } from "../../scripts/conformance.ts"

describe("conformance", () => {
  it("counts a check that went missing as lost, though nothing failed", () => {
    const direct = outcomeOf("tools-list", [passed("a"), passed("b")])
    assert.deepEqual(differences(direct, outcomeOf("tools-list", [passed("a")])), [
      { check: "tools-list:b", direct: "SUCCESS", through: "missing" }
    ])
  })

  it("takes a warning in place of a success as lost, and leaves alone what never passed", () => {
    const direct = outcomeOf("ping", [passed("a"), { id: "b", status: "FAILURE" }, { id: "c", status: "INFO" }])
    const through = outcomeOf("ping", [{ id: "a", status: "WARNING" }, { id: "b", status: "FAILURE" }])
    assert.deepEqual(differences(direct, through), [{ check: "ping:a", direct: "SUCCESS", through: "WARNING" }])
  })

  it("keeps checks apart that share one id, so that the second can be lost alone", () => {
    const direct = outcomeOf("headers", [passed("reject"), passed("reject")])
    const through = outcomeOf("headers", [passed("reject"), { id: "reject", status: "FAILURE" }])
    assert.deepEqual(differences(direct, through).map(({ check }) => check), ["headers:reject#2"])
  })

  it("reports a failure that exists only through the gateway", () => {
    const through = outcomeOf("ping", [passed("a"), { id: "extra", status: "FAILURE" }])
    assert.deepEqual(differences(outcomeOf("ping", [passed("a")]), through).map(({ check }) => check), ["ping:extra"])
  })
})

const passed = (id: string) => ({ id, status: "SUCCESS" })
