import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { runAsServer } from "../../scripts/conformance/suite.ts"

/** Those of the client scenarios that are not about authorization. */
const scenarios = [
  "tools_call",
  "request-metadata",
  "http-standard-headers",
  "http-custom-headers",
  "http-invalid-tool-headers",
  "json-schema-ref-no-deref",
  "sep-2322-client-request-state"
]

describe("the official conformance suite, as a server behind the gateway", () => {
  for (const scenario of scenarios) {
    it.live(`finds nothing wrong with what the gateway sends it in ${scenario}`, () =>
      Effect.gen(function*() {
        const { outcome, said } = yield* Effect.promise(() => runAsServer("node scripts/conformance/caller.ts", scenario))
        const wrong = [...outcome].filter(([, status]) => status === "FAILURE" || status === "WARNING")
        assert.deepEqual(wrong.map(([check]) => `${check}: ${said.get(check)}`), [])
        assert.isTrue([...outcome.values()].includes("SUCCESS"))
      }))
  }
})
