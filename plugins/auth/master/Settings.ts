/** What a person writes about getting credentials for a backend. */
import { Schema } from "effect"
import { about, Address, shared } from "../../providers/oidc/Settings.ts"

export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
export const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

export const MasterSettings = Schema.Struct({
  method: about(
    Schema.Literals(["token_exchange", "client_credentials"]),
    "token_exchange: the caller's identity becomes a token for the backend (RFC 8693); client_credentials: a token of the gateway's own, the same for every caller"
  ),
  issuer: about(Address, "Who gives the credential; for token_exchange the issuer of master_oauth"),
  client_id: about(Schema.NonEmptyString, "The gateway's own client there"),
  client_secret: shared.client_secret,
  audience: Schema.optionalKey(about(Schema.NonEmptyString, "What the credential is for: the backend's own address (RFC 8707)")),
  scopes: Schema.optionalKey(about(Schema.Array(Schema.NonEmptyString), "Scopes that are asked for, and none beyond them is taken"))
})
