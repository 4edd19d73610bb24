import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { runAuthorization, tally } from "../../scripts/conformance/suite.ts"
import { userBrowser } from "../kit/browser.ts"
import { loopback } from "../kit/loopback.ts"
import { givingTokens } from "../kit/ownTokens.ts"

/** Where nobody listens. */
const freePort = Effect.scoped(Effect.map(loopback(() => () => {}), ({ origin }) => Number(new URL(origin).port)))

describe("the official conformance suite, as a client of the gateway as an authorization server", () => {
  it.live("finds nothing wrong with its metadata and its authorization code grant", () =>
    Effect.gen(function*() {
      const { origin, url } = yield* givingTokens({ registration: "cimd" })
      const port = yield* freePort
      const { outcome, said } = yield* Effect.promise(() =>
        runAuthorization({ issuer: origin, clientId: "desk", resource: url, port, visit: (address) => userBrowser("ada").open(address) }))
      const wrong = [...outcome].filter(([, status]) => status === "FAILURE" || status === "WARNING")
      assert.deepEqual(wrong.map(([check]) => `${check}: ${said.get(check)}`), [])
      assert.strictEqual(tally(outcome), "3 passed, 0 failed")
    }).pipe(Effect.scoped))
})
