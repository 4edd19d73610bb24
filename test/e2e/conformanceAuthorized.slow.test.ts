import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { type Revision, runAsServer } from "../../scripts/conformance/suite.ts"

/** The client scenarios about authorization, with the oldest revision that they are run in. */
const scenarios: Readonly<Record<string, Revision>> = {
  "2025-03-26-oauth-metadata-backcompat": "2025-11-25",
  "metadata-default": "2025-11-25",
  "metadata-var1": "2025-11-25",
  "metadata-var2": "2025-11-25",
  "metadata-var3": "2025-11-25",
  "basic-cimd": "2025-11-25",
  "scope-from-www-authenticate": "2025-11-25",
  "scope-from-scopes-supported": "2025-11-25",
  "scope-omitted-when-undefined": "2025-11-25",
  "scope-step-up": "2025-11-25",
  "scope-retry-limit": "2025-11-25",
  "token-endpoint-auth-basic": "2025-11-25",
  "token-endpoint-auth-post": "2025-11-25",
  "token-endpoint-auth-none": "2025-11-25",
  "pre-registration": "2025-11-25",
  "resource-mismatch": "2026-07-28",
  "offline-access-scope": "2026-07-28",
  "offline-access-not-supported": "2026-07-28",
  "authorization-server-migration": "2026-07-28",
  "iss-supported": "2026-07-28",
  "iss-not-advertised": "2026-07-28",
  "iss-supported-missing": "2026-07-28",
  "iss-wrong-issuer": "2026-07-28",
  "iss-unexpected": "2026-07-28",
  "iss-normalized": "2026-07-28",
  "metadata-issuer-mismatch": "2026-07-28",
  "client-credentials-jwt": "2026-07-28",
  "client-credentials-basic": "2026-07-28",
  "enterprise-managed-authorization": "2026-07-28"
}

/** What runs with every change; `MANIFOLD_CONFORMANCE=all` runs them all, which takes two and a half minutes. */
const short = [
  "metadata-var3", "basic-cimd", "scope-step-up", "token-endpoint-auth-post", "pre-registration", "resource-mismatch",
  "authorization-server-migration", "iss-wrong-issuer", "client-credentials-basic", "enterprise-managed-authorization"
]
const isWanted = (name: string, revision: Revision): boolean =>
  process.env["MANIFOLD_CONFORMANCE"] === "all" || (short.includes(name) && revision === "2026-07-28")

if (process.env["MANIFOLD_CONFORMANCE"] !== "all") console.log("skipped: all scenarios but ten, which MANIFOLD_CONFORMANCE=all runs (two and a half minutes)")

/** What cannot pass, check by check or as a whole, each with its reason. */
interface Exception {
  readonly checks?: ReadonlyArray<string>
  readonly scenarios?: ReadonlyArray<string>
  readonly reason: string
}
const exceptions: ReadonlyArray<Exception> = JSON.parse(readFileSync("test/conformance-authorization.json", "utf8"))

/** The same check may be made several times in one scenario. */
const idOf = (check: string) => check.replace(/#\d+$/u, "")

describe("the official conformance suite, as a server and its authorization server behind the gateway", () => {
  for (const [name, oldest] of Object.entries(scenarios)) {
    for (const revision of oldest === "2025-11-25" ? ["2025-11-25", "2026-07-28"] as const : ["2026-07-28"] as const) {
      it.live.skipIf(!isWanted(name, revision))(`finds nothing wrong with how the gateway gets tokens in ${name} (${revision}), but for the exceptions`, () =>
        Effect.gen(function*() {
          const scenario = `auth/${name}`
          const { outcome, said } = yield* Effect.promise(() => runAsServer("node scripts/conformance/authorized.ts", scenario, revision))
          const wrong = [...outcome].filter(([, status]) => status === "FAILURE" || status === "WARNING")
          const excused = exceptions.flatMap(({ checks = [] }) => checks).filter((check) => check.startsWith(`${scenario}:`))
          const unexcused = wrong.filter(([check]) => !excused.includes(idOf(check)))
          assert.deepEqual(unexcused.map(([check]) => `${check}: ${said.get(check)}`), [])
          assert.deepEqual([...new Set(wrong.map(([check]) => idOf(check)))], excused, "an exception that is none any more")
          assert.isTrue([...outcome.values()].includes("SUCCESS"))
        }))
    }
  }
})
