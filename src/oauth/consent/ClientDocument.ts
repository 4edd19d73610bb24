/** How the gateway describes itself as a client of an authorization server (client id metadata document): one per server, since the return address is. */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Base, returnAddressOf } from "../../guard/Base.ts"
import { Consents } from "../../guard/Consents.ts"
import { isLoopback } from "../../lib/Loopback.ts"

export const CLIENTS_PATH = "/oauth/clients"

export const clientDocument = (callbackPath: string) =>
  HttpRouter.add("GET", `${CLIENTS_PATH}/:server`, Effect.gen(function*() {
    const { server = "" } = yield* HttpRouter.params
    const base = (yield* Base).current()
    if ((yield* Consents).of(server) === undefined) {
      return HttpServerResponse.jsonUnsafe({ error: "not_found", message: "There is no such client" }, { status: 404 })
    }
    return HttpServerResponse.jsonUnsafe({
      client_id: `${base}${CLIENTS_PATH}/${server}`,
      client_name: "Manifold MCP gateway",
      client_uri: base,
      redirect_uris: [returnAddressOf(base, callbackPath, server)],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: isLoopback(new URL(base).hostname) ? "native" : "web"
    }, { headers: { "cache-control": "max-age=300" } })
  }))
