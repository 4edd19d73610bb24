/**
 * GitHub, and GitHub Enterprise. Its tokens are opaque and name no resource: they are for us when they were
 * given to our own app, which is what GitHub says when it is asked as that app.
 */
import { Clock, Duration, Effect, Option, Redacted, Schema } from "effect"
import { Egress, Plugin, Provider } from "#plugin"
import { refused } from "./oidc/Claims.ts"
import { about } from "../Settings.ts"
import { Address, LONGEST_LIFE, shared } from "./oidc/Settings.ts"
import { tokensIn, unreachable, userInfoIn } from "./oidc/TokenEndpoint.ts"

const ISSUER = "https://github.com/login/oauth"
const API = "https://api.github.com"
const MEDIA_TYPE = "application/vnd.github+json"

const GithubSettings = Schema.Struct({
  client_id: about(Schema.NonEmptyString, "The gateway's OAuth app or GitHub app; tokens of other apps are refused"),
  client_secret: shared.client_secret,
  issuer: Schema.optionalKey(about(Address, `Who issues the tokens; default ${ISSUER}, for GitHub Enterprise https://HOST/login/oauth`)),
  api_url: Schema.optionalKey(about(Address, `Where its API is; default ${API}, for GitHub Enterprise https://HOST/api/v3`))
})

const Checked = Schema.Struct({
  app: Schema.Struct({ client_id: Schema.String, name: Schema.optionalKey(Schema.String) }),
  user: Schema.NullOr(Schema.Struct({ id: Schema.Int, login: Schema.String })),
  scopes: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
  expires_at: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const placesFor = (issuer: string, api = issuer === ISSUER ? API : `${new URL(issuer).origin}/api/v3`) => ({
  authorize: `${issuer}/authorize`,
  token: `${issuer}/access_token`,
  check: (client: string) => `${api}/applications/${encodeURIComponent(client)}/token`,
  user: `${api}/user`
})

export default Plugin.define("provider", {
  name: "github",
  summary: "Checks tokens that GitHub gave to the gateway's own app",
  config: GithubSettings,
  build: Effect.fnUntraced(function*({ api_url, client_id, client_secret, issuer = ISSUER }) {
    const egress = yield* Egress.Egress
    const places = placesFor(issuer, api_url)
    const unavailable = (detail: string) => new Provider.ProviderUnavailable({ issuer, detail })
    const ask = (question: Egress.Question) => Effect.mapError(egress.ask(issuer, question), unreachable(issuer))

    /** The audience that is asked for plays no part: no token of GitHub's names one. */
    const validate = Effect.fnUntraced(function*(access_token: Redacted.Redacted<string>) {
      if (!/^\w{1,255}$/u.test(Redacted.value(access_token))) return yield* refused("malformed", "it is no token of GitHub's")
      const { body, status } = yield* ask({
        url: places.check(client_id),
        json: { access_token },
        as: { _tag: "Client", id: client_id, secret: client_secret },
        accept: MEDIA_TYPE
      })
      if (status === 404) return yield* refused("inactive", "GitHub does not know it as a token of this app")
      const checked = status === 200 ? Schema.decodeUnknownOption(Checked)(body) : Option.none()
      if (Option.isNone(checked)) return yield* unavailable(`did not say whether a token is good: it answered ${status}`)
      const { app, expires_at, scopes, user } = checked.value
      if (app.client_id !== client_id) return yield* refused("audience", "it was given to another app")
      if (user === null) return yield* refused("subject", "it names no user")
      const now = (yield* Clock.currentTimeMillis) / 1000
      const expires = endOf(expires_at, now)
      if (!(expires > now)) return yield* refused("expired", "it has expired")
      const subject = String(user.id)
      // The answer holds the token as well, so that claims are picked one by one.
      const claims = { sub: subject, login: user.login, client_id: app.client_id, app: app.name }
      return { issuer, subject, clientId: app.client_id, scopes: scopes ?? [], expires, claims }
    })

    const form = { client_id, client_secret }
    const trade = (fields: Egress.Fields, ended: ReadonlyArray<string>) =>
      Effect.flatMap(ask({ url: places.token, form: { ...fields, ...form } }), (answer) => tokensIn({ issuer, scopeSeparator: ",", ended }, answer))

    /** GitHub gives no ID token: who signed in is who its token stands for. */
    const redeem = Effect.fn("github.redeem")(function*({ code, codeVerifier, redirectUri }: Provider.Returned) {
      const fields = { code, code_verifier: codeVerifier, redirect_uri: redirectUri }
      const { accessToken, refreshToken } = yield* trade(fields, ["bad_verification_code", "invalid_grant"])
      return { identity: yield* validate(accessToken), idToken: undefined, refreshToken }
    })

    const metadata: Provider.AuthorizationServer = {
      issuer,
      authorizationEndpoint: places.authorize,
      tokenEndpoint: places.token,
      jwksUri: undefined,
      introspectionEndpoint: undefined,
      revocationEndpoint: undefined,
      userinfoEndpoint: places.user,
      registrationEndpoint: undefined,
      codeChallengeMethods: ["S256"],
      grantTypes: ["authorization_code", "refresh_token"],
      isIssuerInResponse: false,
      takesClientIdMetadataDocuments: false
    }

    return {
      issuer,
      believedFor: 5000,
      validate,
      metadata: Effect.succeed(metadata),
      browser: { clientId: client_id, scopes: [], redeem },
      refresh: (refresh_token: Redacted.Redacted<string>) =>
        trade({ grant_type: "refresh_token", refresh_token }, ["bad_refresh_token", "invalid_grant"]),
      userInfo: (token: Redacted.Redacted<string>) =>
        ask({ url: places.user, as: { _tag: "Token", token }, accept: MEDIA_TYPE }).pipe(
          Effect.flatMap((answer) => userInfoIn(issuer, answer))
        )
    }
  })
})

/** Tokens of OAuth apps have no end; they are asked about again all the time. */
const endOf = (expires: string | null | undefined, now: number): number =>
  expires === undefined || expires === null ? now + Duration.toSeconds(LONGEST_LIFE) : Date.parse(expires) / 1000
