/**
 * Google. Its tokens name no resource: they are for us when they were given to our own client, so
 * that the client id stands for the audience. ID tokens are JWTs; access tokens are opaque, and asked about.
 */
import { Clock, Duration, Effect, Option, Redacted, Schema } from "effect"
import { Egress, Plugin, Provider } from "#plugin"
import { identityFrom, isFor, refused, type Rules, scopesIn } from "./oidc/Claims.ts"
import { discovered } from "./oidc/Discovery.ts"
import { jwsOf, LARGEST } from "./oidc/Jws.ts"
import { kept, TIMES } from "./oidc/Kept.ts"
import { ownTokens } from "./oidc/Own.ts"
import { about } from "../Settings.ts"
import { Address, CLOCK_SKEW, LONGEST_LIFE, shared } from "./oidc/Settings.ts"
import { signedBy } from "./oidc/Signed.ts"
import { signInAt } from "./oidc/SignIn.ts"
import { unreachable } from "./oidc/TokenEndpoint.ts"

const ISSUER = "https://accounts.google.com"
const TOKENINFO = "https://oauth2.googleapis.com/tokeninfo"

const GoogleSettings = Schema.Struct({
  client_id: about(Schema.NonEmptyString, "The gateway's client at Google; tokens of other clients are refused"),
  client_secret: Schema.optionalKey(shared.client_secret),
  issuer: Schema.optionalKey(about(Address, `Who issues the tokens; default ${ISSUER}`)),
  tokeninfo_uri: Schema.optionalKey(about(Address, `Where access tokens are asked about; default ${TOKENINFO}`)),
  longest_life: Schema.optionalKey(shared.longest_life),
  clock_skew: Schema.optionalKey(shared.clock_skew)
})

/** All values are texts. */
const TokenInfo = Schema.Struct({
  aud: Schema.String,
  sub: Schema.optionalKey(Schema.NonEmptyString),
  azp: Schema.optionalKey(Schema.String),
  scope: Schema.optionalKey(Schema.String),
  exp: Schema.FiniteFromString,
  email: Schema.optionalKey(Schema.String),
  email_verified: Schema.optionalKey(Schema.String)
})

export default Plugin.define("provider", {
  name: "google",
  summary: "Checks tokens that Google gave to the gateway's own client",
  config: GoogleSettings,
  build: Effect.fnUntraced(function*(config) {
    const { client_id, client_secret, clock_skew = CLOCK_SKEW, issuer = ISSUER, longest_life = LONGEST_LIFE, tokeninfo_uri = TOKENINFO } = config
    const egress = yield* Egress.Egress
    const metadata = kept(Effect.provideService(discovered(issuer), Egress.Egress, egress), TIMES).current
    const verify = signedBy({ egress, issuer, place: Effect.map(metadata, ({ jwksUri }) => jwksUri) })
    // Google documents both spellings.
    const issuers = [issuer, issuer.replace(/^https?:\/\//u, "")]
    const rules: Rules = {
      issuers,
      audience: client_id,
      types: ["jwt"],
      longestLife: longest_life,
      clockSkew: clock_skew
    }

    const asked = Effect.fnUntraced(function*(access_token: Redacted.Redacted<string>) {
      const { body, status } = yield* egress.ask(issuer, { url: tokeninfo_uri, form: { access_token } })
        .pipe(Effect.mapError(unreachable(issuer)))
      if (status === 400) return yield* refused("inactive", "Google does not know it, or it has ended")
      const info = status === 200 ? Schema.decodeUnknownOption(TokenInfo)(body) : Option.none()
      if (Option.isNone(info)) return yield* new Provider.ProviderUnavailable({ issuer, detail: `did not say whether a token is good: it answered ${status}` })
      const { aud, azp, exp, sub } = info.value
      if (!isFor(aud, client_id)) return yield* refused("audience", "it was given to another client")
      if (sub === undefined) return yield* refused("subject", "it names no user: it needs the scope openid")
      if (exp + Duration.toSeconds(clock_skew) <= (yield* Clock.currentTimeMillis) / 1000) return yield* refused("expired", "it has expired")
      return { issuer, subject: sub, clientId: azp, scopes: scopesIn(info.value), expires: exp, claims: info.value }
    })

    /** The audience that is asked for plays no part: no token of Google's names one. */
    const validate = Effect.fnUntraced(function*(token: Redacted.Redacted<string>) {
      const text = Redacted.value(token)
      if (text.length > LARGEST) return yield* refused("malformed", "it is larger than 16 KiB")
      const jws = jwsOf(text)
      if (jws === "malformed" || !/^[\x21-\x7e]+$/u.test(text)) return yield* refused("malformed", "it is no token of Google's")
      if (jws === "opaque") return yield* asked(token)
      yield* verify(jws, rules)
      return identityFrom(issuer, jws.claims)
    })

    return {
      issuer,
      believedFor: 5000,
      validate,
      metadata,
      ...ownTokens({ ...config, issuer, egress, metadata }),
      // Google wants a secret of every client that is a web application.
      ...client_secret !== undefined && {
        browser: signInAt({ issuer, issuers, egress, metadata, verify, clockSkew: clock_skew, clientId: client_id, clientSecret: client_secret, scopes: ["openid", "email"] })
      }
    }
  })
})
