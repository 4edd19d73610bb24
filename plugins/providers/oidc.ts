/** Any OpenID Connect or OAuth 2 server: JWTs by its published keys, opaque tokens by asking it (RFC 7662). */
import { Effect, Redacted } from "effect"
import { Egress, Plugin } from "#plugin"
import { identityFrom, refused, type Rules, typeOf } from "./oidc/Claims.ts"
import { discovered } from "./oidc/Discovery.ts"
import { introspected, stillActive } from "./oidc/Introspection.ts"
import { jwsOf, LARGEST } from "./oidc/Jws.ts"
import { kept, TIMES } from "./oidc/Kept.ts"
import { ownTokens } from "./oidc/Own.ts"
import { CLOCK_SKEW, LONGEST_LIFE, OidcSettings } from "./oidc/Settings.ts"
import { signedBy } from "./oidc/Signed.ts"
import { signInAt } from "./oidc/SignIn.ts"

const TYPES = ["at+jwt"]

export default Plugin.define("provider", {
  name: "oidc",
  summary: "Checks tokens of any OpenID Connect or OAuth 2 server",
  config: OidcSettings,
  build: Effect.fnUntraced(function*(config) {
    const { client_id, client_secret, introspection, issuer, jwks_uri } = config
    const egress = yield* Egress.Egress
    const metadata = kept(Effect.provideService(discovered(issuer), Egress.Egress, egress), TIMES).current
    const place = jwks_uri === undefined ? Effect.map(metadata, ({ jwksUri }) => jwksUri) : Effect.succeed(jwks_uri)
    const verify = signedBy({ egress, issuer, place })
    const clockSkew = config.clock_skew ?? CLOCK_SKEW
    const rulesFor = (audience: string): Rules => ({
      issuers: [issuer],
      audience,
      types: (config.token_types ?? TYPES).map(typeOf),
      longestLife: config.longest_life ?? LONGEST_LIFE,
      clockSkew
    })

    const validate = Effect.fnUntraced(function*(token: Redacted.Redacted<string>, audience: string) {
      const text = Redacted.value(token)
      if (text.length > LARGEST) return yield* refused("malformed", "it is larger than 16 KiB")
      const jws = jwsOf(text)
      if (jws === "malformed") return yield* refused("malformed", "it is no JWT")
      const ask = introspection && Effect.map(metadata, (server) => ({ server, token, credentials: introspection }))
      if (jws === "opaque") {
        if (ask === undefined) return yield* refused("malformed", "it is no JWT, and other tokens need `introspection`")
        return yield* introspected(yield* ask, rulesFor(audience))
      }
      yield* verify(jws, rulesFor(audience))
      if (ask !== undefined) yield* stillActive(yield* ask)
      return identityFrom(issuer, jws.claims)
    }, Effect.provideService(Egress.Egress, egress))

    return {
      issuer,
      believedFor: introspection === undefined ? 60_000 : 5000,
      validate,
      metadata,
      ...ownTokens({ ...config, egress, metadata }),
      ...client_id !== undefined && {
        browser: signInAt({ issuer, issuers: [issuer], egress, metadata, verify, clockSkew, clientId: client_id, clientSecret: client_secret, scopes: ["openid"] })
      }
    }
  })
})
