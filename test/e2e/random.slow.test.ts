/**
 * Clients of both eras do random things to servers of both eras over both transports, which crash and are
 * replaced meanwhile; test/kit/model says what must come of it. `node scripts/soak.ts` is the long form.
 */
import { assert, describe, it } from "vitest"
import { brokenIn, run } from "../kit/model/run.ts"

describe("whatever clients and servers do", () => {
  for (const seed of [3, 11]) {
    it(`each answer is the caller's own, each call ends, each subscriber hears, and nothing is left (seed ${seed})`, async () => {
      const report = await run({ seed, seconds: 10, clients: 8 })
      assert.deepStrictEqual(brokenIn(report), [])
      for (const what of ["ask (legacy)", "ask (modern)", "lose (legacy)", "cancel (modern)", "crash", "reload"]) {
        assert.isAbove(report.done[what] ?? 0, 0, what)
      }
    })
  }
})
