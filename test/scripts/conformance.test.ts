import { assert, describe, it } from "@effect/vitest"
import { cells, differences, exceptions, judged } from "../../scripts/conformance/matrix.ts"
import { type Check, keyed, type Result } from "../../scripts/conformance/suite.ts"

describe("conformance", () => {
  it("counts a check that went missing as lost, though nothing failed", () => {
    const direct = ran("tools-list", [passed("a"), passed("b")])
    assert.deepEqual(differences(direct.outcome, ran("tools-list", [passed("a")])), [
      { check: "tools-list:b", direct: "SUCCESS", through: "missing", said: "" }
    ])
  })

  it("takes a warning in place of a success as lost, and leaves alone what never passed", () => {
    const direct = ran("ping", [passed("a"), { id: "b", status: "FAILURE" }, { id: "c", status: "INFO" }])
    const through = ran("ping", [{ id: "a", status: "WARNING", errorMessage: "late" }, { id: "b", status: "FAILURE" }])
    assert.deepEqual(differences(direct.outcome, through), [{ check: "ping:a", direct: "SUCCESS", through: "WARNING", said: "late" }])
  })

  it("keeps checks apart that share one id, so that the second can be lost alone", () => {
    const direct = ran("headers", [passed("reject"), passed("reject")])
    const through = ran("headers", [passed("reject"), { id: "reject", status: "FAILURE" }])
    assert.deepEqual(differences(direct.outcome, through).map(({ check }) => check), ["headers:reject#2"])
  })

  it("reports a failure that exists only through the gateway", () => {
    const through = ran("ping", [passed("a"), { id: "extra", status: "FAILURE" }])
    assert.deepEqual(differences(ran("ping", [passed("a")]).outcome, through).map(({ check }) => check), ["ping:extra"])
  })

  it("excuses a check in the cells of its exception and in no other", () => {
    const found = differences(ran("ping", [passed("a")]).outcome, ran("ping", []))
    const allowed = [{ cells: ["legacy-modern-http"], checks: ["ping:a"], reason: "" }]
    assert.deepEqual(checksOf(judged("legacy-modern-http", found, allowed)), { unexcused: [], excused: ["ping:a"], stale: [] })
    assert.deepEqual(checksOf(judged("legacy-legacy-http", found, allowed)), { unexcused: ["ping:a"], excused: [], stale: [] })
  })

  it("names an exception whose check passes by now", () => {
    const allowed = [{ cells: ["legacy-modern-http"], checks: ["ping:a"], reason: "" }]
    assert.deepEqual(judged("legacy-modern-http", [], allowed).stale, ["ping:a"])
  })
})

describe("each exception of conformance", () => {
  it("is of cells that exist, and of no check twice in one cell", () => {
    const names = cells.map(({ name }) => name)
    for (const { cells } of exceptions()) assert.includeMembers(names, [...cells])
    const all = exceptions().flatMap(({ cells, checks }) => cells.flatMap((cell) => checks.map((check) => `${cell}/${check}`)))
    assert.deepEqual(all, [...new Set(all)])
  })

  it("has a reason that names the page of the specification or the proposal it follows from", () => {
    for (const { reason } of exceptions()) assert.match(reason, /\b20\d\d-\d\d-\d\d, (?:basic|client|server)\/|\(changelog\)|SEP-\d+/u)
  })
})

const passed = (id: string) => ({ id, status: "SUCCESS" })

const ran = (scenario: string, checks: ReadonlyArray<Check>): Result => {
  const all = keyed(scenario, checks)
  return {
    outcome: new Map(all.map(([key, { status }]) => [key, status])),
    said: new Map(all.map(([key, { errorMessage }]) => [key, errorMessage ?? ""]))
  }
}

const checksOf = ({ excused, stale, unexcused }: ReturnType<typeof judged>) => ({
  unexcused: unexcused.map(({ check }) => check),
  excused: excused.map(({ check }) => check),
  stale
})
