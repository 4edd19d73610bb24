/** The gateway as its clients' authorization server, with a real one as its upstream, real clients in both eras, and a user's browser. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { RETURN, signedInClient } from "../kit/mcpClient.ts"

const started = Effect.fnUntraced(function*(more: object = {}) {
  const server = yield* authorizationServer({
    more: {
      clients: [{
        client_id: "gateway",
        client_secret: "gateway-secret",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/oauth/callback"],
        grant_types: ["authorization_code", "refresh_token"]
      }]
    }
  })
  const gate = yield* gateway({
    master_oauth: { provider: "gateway", required_scopes: ["mcp"] },
    authorization_server: {
      clients: [
        { client_id: "desk", client_name: "Desk", redirect_uris: ["http://127.0.0.1/callback"] },
        { client_id: "web", client_secret: "the secret of web", redirect_uris: ["http://127.0.0.1/callback"] }
      ],
      upstream: { provider: "oidc", issuer: server.issuer, client_id: "gateway", client_secret: "gateway-secret" },
      ...more
    },
    servers: [{ id: "near", type: "local", path: resolve("test/fixtures/servers/watched.mjs"), auth_strategy: "bypass_auth" }]
  }, { args: ["--log-level", "debug"] })
  const { origin } = new URL(gate.url)
  return { ...gate, origin, server }
})

describe("a client of a gateway that gives tokens itself", () => {
  for (const era of ["legacy", "modern"] as const) {
    it.live(`is let in by its user, and calls (${era})`, () =>
      Effect.gen(function*() {
        const { url } = yield* started()
        const browser = userBrowser("ada")
        yield* Effect.promise(async () => {
          const { asked, client, held } = await signedInClient({ url, era, browser, clientId: "desk" })
          const called = await until(() => client.callTool({ name: "near__heard", arguments: {} }), ({ isError }) => isError !== true)
          assert.isString(textOf(called))
          assert.strictEqual(asked(), 1)
          assert.match(held.tokens?.access_token ?? "", /^mft_[\w-]{49}$/u)
          assert.strictEqual(held.tokens?.scope, "mcp")
          await client.close()
          assert.include(RETURN, "callback")
        })
      }).pipe(Effect.scoped))
  }
})
