import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { secretTexts } from "../../src/manifest/Secrets.ts"
import { loadTexts, serverWith } from "../kit/manifest.ts"

describe("what no output may hold", () => {
  it.effect("is what came by reference and what stands where secrets stand, also when it is written out", () =>
    Effect.gen(function*() {
      const text = serverWith(
        "path: ./a",
        "config:",
        "  args: [--verbose, \"${env:GIVEN}\"]",
        "  environment: { LEVEL: info, API_KEY: hunter2 }",
        "  headers: { X-Key: hunter3 }"
      )
      const { tree } = yield* loadTexts([text], { environment: { GIVEN: "hunter1" } })
      assert.deepStrictEqual(secretTexts(tree), ["hunter1", "hunter2", "hunter3"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("is of an authorization server its secrets alone, and no address or name of it", () =>
    Effect.gen(function*() {
      const { tree } = yield* loadTexts([[
        "version: 1",
        "master_oauth: { provider: gateway }",
        "authorization_server:",
        "  clients: [{ client_id: desk, client_secret: hunter4, redirect_uris: [\"http://127.0.0.1/cb\"] }]",
        "  upstream: { provider: oidc, issuer: \"https://id.example.com\", client_id: gw, client_secret: hunter5 }"
      ].join("\n")])
      assert.deepStrictEqual(secretTexts(tree), ["hunter4", "hunter5"])
    }).pipe(Effect.provide(NodeServices.layer)))
})
