/** What a person writes about getting credentials for a backend. */
import { Schema } from "effect"
import { Address, shared } from "../../providers/oidc/Settings.ts"
import { about, Secret } from "../../Settings.ts"

export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
export const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

/** Whether the gateway is a client of an authorization server, and how it shows that it is. */
const Client = {
  issuer: Schema.optionalKey(about(Address, "Who gives the credential; for token_exchange the issuer of master_oauth, for id_jag the backend's own")),
  client_id: Schema.optionalKey(about(Schema.NonEmptyString, "The gateway's own client there")),
  client_secret: Schema.optionalKey(shared.client_secret),
  client_authentication: Schema.optionalKey(about(
    Schema.Literals(["client_secret", "private_key_jwt"]),
    "How the client shows who it is; with private_key_jwt the gateway signs, and the issuer gets its keys at /oauth/jwks. Default client_secret"
  ))
}

const Idp = Schema.Struct({
  issuer: about(Address, "Where users signed in at the gateway"),
  client_id: about(Schema.NonEmptyString, "The gateway's client there"),
  client_secret: Schema.optionalKey(about(Secret, "Its secret: write a reference, such as ${env:NAME}"))
})

const NEEDED: Readonly<Record<string, ReadonlyArray<"issuer" | "client_id" | "audience" | "idp">>> = {
  token_exchange: ["issuer", "client_id"],
  client_credentials: ["issuer", "client_id"],
  id_jag: ["issuer", "client_id", "audience", "idp"],
  gateway_jwt: ["audience"]
}

/** Keys that say nothing with a method, so that whoever writes them means something else. */
const USELESS: Readonly<Record<string, ReadonlyArray<"issuer" | "client_id" | "client_secret" | "client_authentication" | "idp" | "life">>> = {
  token_exchange: ["idp", "life"],
  client_credentials: ["idp", "life"],
  id_jag: ["life"],
  gateway_jwt: ["issuer", "client_id", "client_secret", "client_authentication", "idp"]
}

export const MasterSettings = Schema.Struct({
  method: about(
    Schema.Literals(["token_exchange", "id_jag", "client_credentials", "gateway_jwt"]),
    "token_exchange: the caller's identity becomes a token for the backend (RFC 8693); id_jag: the same across authorization servers, for users who signed in at the gateway with a browser; client_credentials: a token of the gateway's own, the same for every caller; gateway_jwt: a short token that the gateway signs"
  ),
  ...Client,
  audience: Schema.optionalKey(about(Schema.NonEmptyString, "What the credential is for: the backend's own address (RFC 8707)")),
  scopes: Schema.optionalKey(about(Schema.Array(Schema.NonEmptyString), "Scopes that are asked for, and none beyond them is taken")),
  idp: Schema.optionalKey(about(Idp, "With id_jag: where the caller's identity is asserted")),
  life: Schema.optionalKey(about(Schema.Int.check(Schema.isBetween({ minimum: 30, maximum: 600 })), "With gateway_jwt: seconds that a token is good for; default 300"))
}).check(
  Schema.makeFilter((settings) => {
    const { client_authentication = "client_secret", client_id, client_secret, method } = settings
    return [
      ...(NEEDED[method] ?? []).filter((key) => settings[key] === undefined).map((key) => ({ path: [key], issue: `is missing: method ${method} needs it` })),
      ...(USELESS[method] ?? []).filter((key) => settings[key] !== undefined).map((key) => ({ path: [key], issue: `has no meaning with method ${method}` })),
      ...(client_id !== undefined && client_authentication === "client_secret" && client_secret === undefined
        ? [{ path: ["client_secret"], issue: "is missing: write it, or client_authentication: private_key_jwt" }]
        : []),
      ...(client_authentication === "private_key_jwt" && client_secret !== undefined
        ? [{ path: ["client_secret"], issue: "has no meaning with private_key_jwt" }]
        : [])
    ]
  })
)
export type MasterSettings = typeof MasterSettings.Type
