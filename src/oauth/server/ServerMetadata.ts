/** The gateway's metadata as an authorization server (RFC 8414). */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Base } from "../../guard/Base.ts"
import { SigningKeys } from "../../vault/SigningKeys.ts"
import { JWKS_PATH } from "../KeySet.ts"
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

/** Of a gateway that gives no tokens to clients, and still signs some for backends: who checks them looks here for the keys. */
const signerOnly = (issuer: string) => ({ issuer, response_types_supported: [] })

export const serverMetadata = HttpRouter.add("GET", "/.well-known/oauth-authorization-server", Effect.gen(function*() {
  const inForce = (yield* Terms).current()
  const keys = yield* Effect.orElseSucceed((yield* SigningKeys).published, () => [])
  if (inForce === undefined && keys.length === 0) {
    return HttpServerResponse.jsonUnsafe({ error: "not_found", message: "This gateway is no authorization server" }, { status: 404 })
  }
  const issuer = (yield* Base).current()
  const document = { ...inForce === undefined ? signerOnly(issuer) : documentOf(inForce), ...keys.length > 0 && { jwks_uri: issuer + JWKS_PATH } }
  return HttpServerResponse.jsonUnsafe(document, { headers: { ...OPEN, "cache-control": "max-age=60" } })
}))
