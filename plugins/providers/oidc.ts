/**
 * Any OpenID Connect or OAuth 2 server: JWTs by its published keys, opaque tokens by asking it.
 * What can be told from the token alone comes first, so that garbage costs no request.
 */
import { Clock, Effect, Redacted } from "effect"
import { Egress, Plugin, Provider } from "#plugin"
import { claimsMistake, failing, headerMistake, identityFrom, refused, type Rules, typeOf } from "./oidc/Claims.ts"
import { discovered } from "./oidc/Discovery.ts"
import { introspected, stillActive } from "./oidc/Introspection.ts"
import { type Jws, jwsOf } from "./oidc/Jws.ts"
import { candidatesFor, isSignedBy, keysIn } from "./oidc/Keys.ts"
import { kept, TIMES } from "./oidc/Kept.ts"
import { CLOCK_SKEW, LONGEST_LIFE, OidcSettings } from "./oidc/Settings.ts"
import { tokensIn, unreachable, userInfoIn } from "./oidc/TokenEndpoint.ts"

const LARGEST = 16 * 1024

const TYPES = ["at+jwt"]

export default Plugin.define("provider", {
  name: "oidc",
  summary: "Checks tokens of any OpenID Connect or OAuth 2 server",
  config: OidcSettings,
  build: Effect.fnUntraced(function*(config) {
    const { introspection, issuer } = config
    const egress = yield* Egress.Egress
    const unavailable = (detail: string) => new Provider.ProviderUnavailable({ issuer, detail })
    const rulesFor = (audience: string): Rules => ({
      issuers: [issuer],
      audience,
      types: (config.token_types ?? TYPES).map(typeOf),
      longestLife: config.longest_life ?? LONGEST_LIFE,
      clockSkew: config.clock_skew ?? CLOCK_SKEW
    })

    const metadata = kept(Effect.provideService(discovered(issuer), Egress.Egress, egress), TIMES)

    const fetchKeys = Effect.gen(function*() {
      const url = config.jwks_uri ?? (yield* metadata.current).jwksUri
      if (url === undefined) return yield* unavailable("names no keys in its metadata")
      const { body, status } = yield* Effect.mapError(egress.ask(issuer, { url }), unreachable(issuer))
      const found = status === 200 ? keysIn(body) : undefined
      return found ?? (yield* unavailable(`has no set of keys at ${url}`))
    })
    const keys = kept(fetchKeys, TIMES)

    const verified = Effect.fnUntraced(function*(jws: Jws, rules: Rules) {
      yield* failing(headerMistake(jws, rules))
      yield* failing(claimsMistake(jws.claims, rules, (yield* Clock.currentTimeMillis) / 1000))
      const known = candidatesFor(yield* keys.current, jws)
      const candidates = known.length > 0 ? known : candidatesFor(yield* keys.newer, jws)
      if (candidates.length === 0) return yield* refused("signature", "no key of the issuer fits it")
      if (!(yield* isSignedBy(candidates, jws))) return yield* refused("signature", "its signature is wrong")
      return identityFrom(issuer, jws.claims)
    })

    const validate = Effect.fnUntraced(function*(token: Redacted.Redacted<string>, audience: string) {
      const text = Redacted.value(token)
      if (text.length > LARGEST) return yield* refused("malformed", "it is larger than 16 KiB")
      const jws = jwsOf(text)
      if (jws === "malformed") return yield* refused("malformed", "it is no JWT")
      const rules = rulesFor(audience)
      const ask = introspection && Effect.map(metadata.current, (server) => ({ server, token, credentials: introspection }))
      if (jws === "opaque") {
        if (ask === undefined) return yield* refused("malformed", "it is no JWT, and other tokens need `introspection`")
        return yield* introspected(yield* ask, rules)
      }
      const identity = yield* verified(jws, rules)
      if (ask !== undefined) yield* stillActive(yield* ask)
      return identity
    }, Effect.provideService(Egress.Egress, egress))

    const refresh = Effect.fn("oidc.refresh")(function*(refresh_token: Redacted.Redacted<string>) {
      const { client_id, client_secret } = config
      const { tokenEndpoint } = yield* metadata.current
      if (client_id === undefined) return yield* unavailable("cannot be asked for a refresh without `client_id`")
      const answer = yield* egress.ask(issuer, {
        url: tokenEndpoint,
        form: { grant_type: "refresh_token", refresh_token, ...client_secret === undefined && { client_id } },
        ...client_secret !== undefined && { as: { _tag: "Client", id: client_id, secret: client_secret } }
      }).pipe(Effect.mapError(unreachable(issuer)))
      return yield* tokensIn({ issuer }, answer)
    })

    const userInfo = Effect.fn("oidc.userInfo")(function*(token: Redacted.Redacted<string>) {
      const { userinfoEndpoint } = yield* metadata.current
      if (userinfoEndpoint === undefined) return yield* unavailable("has no userinfo endpoint")
      const answer = yield* egress.ask(issuer, { url: userinfoEndpoint, as: { _tag: "Token", token } })
        .pipe(Effect.mapError(unreachable(issuer)))
      return yield* userInfoIn(issuer, answer)
    })

    return {
      issuer,
      believedFor: introspection === undefined ? 60_000 : 5000,
      validate,
      metadata: metadata.current,
      refresh,
      userInfo
    }
  })
})
