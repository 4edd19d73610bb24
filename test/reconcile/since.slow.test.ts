import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { gateway } from "../kit/gateway.ts"

describe("the status of the manifest", () => {
  it.live("says since when it is in force, not when it was last looked at", () =>
    Effect.gen(function*() {
      const { rewrite, url } = yield* gateway({ servers: [] })
      const since = Effect.promise(async () => {
        const answer = await fetch(new URL("/api/v1/servers", url))
        return (await answer.json() as { readonly manifest: { readonly since: string } }).manifest.since
      })
      const before = yield* since
      rewrite({ servers: [] })
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* since, before)
      rewrite({ servers: [], routing: { timeout: "5s" } })
      yield* Effect.sleep("1 second")
      assert.notStrictEqual(yield* since, before)
    }).pipe(Effect.scoped))
})
