/** A gateway that gives tokens itself, with a real authorization server that signs its users in. */
import { Effect } from "effect"
import { resolve } from "node:path"
import { authorizationServer } from "./authorizationServer.ts"
import { gateway } from "./gateway.ts"

/** @param more of `authorization_server` */
export const givingTokens = Effect.fnUntraced(function*(more: object = {}) {
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
  const text = {
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
  }
  const gate = yield* gateway(text, { args: ["--log-level", "debug"] })
  return { ...gate, origin: new URL(gate.url).origin, server, text }
})
