/**
 * The gateway's own tokens, for a gateway that is its own authorization server. Who a token stands for is the
 * user who signed in at the upstream; as the issuer that speaks for them, the gateway names itself.
 */
import { Effect, Schema } from "effect"
import { OwnTokens, Plugin, Provider } from "#plugin"

export default Plugin.define("provider", {
  name: "gateway",
  summary: "Checks tokens that the gateway gave out itself, as authorization_server says",
  config: Schema.Struct({}),
  build: Effect.fnUntraced(function*() {
    const tokens = yield* OwnTokens
    const issuer = tokens.issuer()
    const missing = new Provider.ProviderUnavailable({ issuer, detail: "is the gateway itself, which holds no tokens of others" })

    const metadata: Provider.AuthorizationServer = {
      issuer,
      authorizationEndpoint: `${issuer}/oauth/authorize`,
      tokenEndpoint: `${issuer}/oauth/token`,
      jwksUri: undefined,
      introspectionEndpoint: undefined,
      revocationEndpoint: `${issuer}/oauth/revoke`,
      userinfoEndpoint: undefined,
      registrationEndpoint: undefined,
      codeChallengeMethods: ["S256"],
      grantTypes: ["authorization_code", "refresh_token"],
      isIssuerInResponse: true,
      takesClientIdMetadataDocuments: false
    }

    return {
      issuer,
      believedFor: 5000,
      validate: tokens.check,
      metadata: Effect.succeed(metadata),
      refresh: () => missing,
      userInfo: () => missing
    }
  })
})
