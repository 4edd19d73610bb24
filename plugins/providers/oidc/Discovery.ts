/**
 * Finds the metadata of an issuer at the three places that MCP knows (RFC 8414, OpenID Connect Discovery).
 * Metadata that name another issuer, by so much as a slash, are as good as none.
 */
import { Effect, Option, Schema } from "effect"
import { Egress, Provider } from "#plugin"
import { isSafe } from "./Settings.ts"

const Endpoint = Schema.String.check(Schema.makeFilter<string>(isSafe))
const optionalEndpoint = Schema.optionalKey(Endpoint)
const optionalTexts = Schema.optionalKey(Schema.Array(Schema.String))
const optionalFlag = Schema.optionalKey(Schema.Boolean)

const Metadata = Schema.Struct({
  issuer: Schema.String,
  authorization_endpoint: optionalEndpoint,
  token_endpoint: Endpoint,
  jwks_uri: optionalEndpoint,
  introspection_endpoint: optionalEndpoint,
  revocation_endpoint: optionalEndpoint,
  userinfo_endpoint: optionalEndpoint,
  registration_endpoint: optionalEndpoint,
  code_challenge_methods_supported: optionalTexts,
  grant_types_supported: optionalTexts,
  token_endpoint_auth_methods_supported: optionalTexts,
  scopes_supported: optionalTexts,
  authorization_response_iss_parameter_supported: optionalFlag,
  client_id_metadata_document_supported: optionalFlag
})

/** RFC 8414 (2): what a server does that does not say. */
const GRANTS = ["authorization_code", "implicit"]

export const placesFor = (issuer: string): ReadonlyArray<string> => {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/u, "")
  return [...new Set([
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`
  ])]
}

export const discovered = Effect.fn("oidc.discovered")(function*(issuer: string) {
  const egress = yield* Egress.Egress
  const said: Array<string> = []
  for (const url of placesFor(issuer)) {
    const answer = yield* Effect.result(egress.ask(issuer, { url }))
    if (answer._tag === "Failure") {
      said.push(answer.failure.message)
      continue
    }
    const { body, status } = answer.success
    const metadata = status === 200 ? Schema.decodeUnknownOption(Metadata)(body) : Option.none()
    if (Option.isSome(metadata) && metadata.value.issuer === issuer) return describedBy(metadata.value)
    said.push(`${url} ${mistakeIn(status, metadata)}`)
  }
  return yield* new Provider.ProviderUnavailable({ issuer, detail: `has no metadata that count: ${said.join("; ")}` })
})

const mistakeIn = (status: number, metadata: Option.Option<typeof Metadata.Type>) => {
  if (status !== 200) return `answered ${status}`
  return Option.isSome(metadata) ? "names another issuer" : "is no metadata of an authorization server with https endpoints"
}

const describedBy = (metadata: typeof Metadata.Type): Provider.AuthorizationServer => ({
  issuer: metadata.issuer,
  authorizationEndpoint: metadata.authorization_endpoint,
  tokenEndpoint: metadata.token_endpoint,
  jwksUri: metadata.jwks_uri,
  introspectionEndpoint: metadata.introspection_endpoint,
  revocationEndpoint: metadata.revocation_endpoint,
  userinfoEndpoint: metadata.userinfo_endpoint,
  registrationEndpoint: metadata.registration_endpoint,
  codeChallengeMethods: metadata.code_challenge_methods_supported ?? [],
  grantTypes: metadata.grant_types_supported ?? GRANTS,
  isIssuerInResponse: metadata.authorization_response_iss_parameter_supported ?? false,
  takesClientIdMetadataDocuments: metadata.client_id_metadata_document_supported ?? false,
  ...metadata.token_endpoint_auth_methods_supported !== undefined && { tokenEndpointAuthMethods: metadata.token_endpoint_auth_methods_supported },
  ...metadata.scopes_supported !== undefined && { scopes: metadata.scopes_supported }
})
