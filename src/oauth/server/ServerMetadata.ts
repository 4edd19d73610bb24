/** The gateway's metadata as an authorization server (RFC 8414). */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { OPEN } from "./Answers.ts"
import { AUTHORIZE } from "./Authorize.ts"
import { REGISTER } from "./Registration.ts"
import { type InForce, Terms } from "./Terms.ts"
import { REVOKE, TOKEN } from "./TokenRoute.ts"

const PROOFS = ["none", "client_secret_basic", "client_secret_post"]

const documentOf = ({ issuer, registration, scopes }: InForce) => ({
  issuer,
  authorization_endpoint: issuer + AUTHORIZE,
  token_endpoint: issuer + TOKEN,
  revocation_endpoint: issuer + REVOKE,
  ...registration === "dynamic" && { registration_endpoint: issuer + REGISTER },
  ...scopes.length > 0 && { scopes_supported: scopes },
  response_types_supported: ["code"],
  response_modes_supported: ["query"],
  grant_types_supported: ["authorization_code", "refresh_token"],
  token_endpoint_auth_methods_supported: PROOFS,
  revocation_endpoint_auth_methods_supported: PROOFS,
  code_challenge_methods_supported: ["S256"],
  authorization_response_iss_parameter_supported: true,
  client_id_metadata_document_supported: registration === "cimd"
})

export const serverMetadata = HttpRouter.add("GET", "/.well-known/oauth-authorization-server", Effect.map(Terms, (terms) => {
  const inForce = terms.current()
  return inForce === undefined
    ? HttpServerResponse.jsonUnsafe({ error: "not_found", message: "This gateway is no authorization server" }, { status: 404 })
    : HttpServerResponse.jsonUnsafe(documentOf(inForce), { headers: { ...OPEN, "cache-control": "max-age=60" } })
}))
