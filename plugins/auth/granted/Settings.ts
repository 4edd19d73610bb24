/** What a person writes about the authorization server of a backend, where its users consent. */
import { Schema } from "effect"
import { Address } from "../../providers/oidc/Settings.ts"
import { about, Secret } from "../../Settings.ts"

export const GrantSettings = Schema.Struct({
  issuer: Schema.optionalKey(about(Address, "The authorization server of the backend; left out, the backend is asked once and its answer is kept")),
  client_id: Schema.optionalKey(about(Schema.NonEmptyString, "The gateway's own client there")),
  client_secret: Schema.optionalKey(about(Secret, "Its secret: write a reference, such as ${env:NAME}")),
  scopes: Schema.optionalKey(about(Schema.Array(Schema.NonEmptyString), "Scopes that users are asked for; left out together with the issuer, those that the backend names")),
  registration: Schema.optionalKey(about(
    Schema.Literals(["static", "cimd", "dynamic"]),
    "How the gateway becomes a client there: static (client_id), cimd (it publishes a client id metadata document), dynamic (RFC 7591); default static"
  ))
}).check(
  Schema.makeFilter(({ client_id, registration = "static" }) =>
    registration !== "static" || client_id !== undefined ||
    { path: ["client_id"], issue: "is missing: with registration static the gateway's client there is written down" }),
  Schema.makeFilter(({ client_id, registration = "static" }) =>
    registration === "static" || client_id === undefined ||
    { path: ["client_id"], issue: `has no place beside registration ${registration}, which makes the client` })
)
export type GrantSettings = typeof GrantSettings.Type
