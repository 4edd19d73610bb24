import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Authentication } from "../../src/guard/Authentication.ts"
import { signingIn } from "../../src/guard/SigningIn.ts"

describe("who may call, as manifests follow each other", () => {
  it.effect("is asked for a key again when a manifest wants keys, stops to, and wants them again", () =>
    Effect.gen(function*() {
      const authentication = yield* Authentication
      const mayCall = yield* signingIn({
        decode: () => Effect.die("no provider is named"),
        keys: () => Effect.succeed(undefined),
        own: () => assert.fail("no server has proxy_oauth"),
        place: { base: () => "http://127.0.0.1:8080", main: "/mcp", open: undefined }
      })
      const kinds: Array<string | undefined> = []
      for (const api_keys of [true, false, true]) {
        yield* mayCall({ api_keys })
        kinds.push(authentication.rules()?.kind)
      }
      assert.deepStrictEqual(kinds, ["guarded", "local", "guarded"])
    }).pipe(Effect.scoped, Effect.provide(Authentication.layer)))
})
