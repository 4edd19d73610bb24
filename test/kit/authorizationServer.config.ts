/** How oidc-provider is set up for tests: the features the gateway needs, and token exchange, which it leaves to us. */
import { createLocalJWKSet, createRemoteJWKSet, importJWK, type JWK, jwtVerify, SignJWT } from "jose"
import { randomBytes } from "node:crypto"
import type Provider from "oidc-provider"
import { type Configuration, errors } from "oidc-provider"

export interface Options {
  /** More of oidc-provider's configuration: clients, features. */
  readonly more?: Configuration
  /** What access tokens of a user say beside who it is: groups, a tenant. */
  readonly claims?: (user: string) => Readonly<Record<string, unknown>>
  /** Scopes that resources know, beside those of OpenID Connect. */
  readonly scopes?: ReadonlyArray<string>
  /** Whose assertions about users it takes (RFC 7523). */
  readonly trusts?: string
}

export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
const ACCESS = "urn:ietf:params:oauth:token-type:access_token"
const SCOPES = ["mcp", "read", "write", "admin"]

interface Settings {
  readonly life: number
  readonly format: "jwt" | "opaque"
}

interface Made {
  readonly keys: ReadonlyArray<JWK>
  readonly settings: Settings
  readonly options: Options
}

const resourceFor = (audience: string, scope: string, { format, life }: Settings) => ({
  scope,
  audience,
  accessTokenFormat: format,
  accessTokenTTL: life,
  jwt: { sign: { alg: "RS256" as const } }
})

export const configurationOf = ({ keys, options: { claims = () => ({}), more = {}, scopes = SCOPES }, settings }: Made): Configuration => ({
  jwks: { keys: [...keys] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  scopes: ["openid", "offline_access", "email", ...scopes],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.test`, email_verified: true }) }),
  issueRefreshToken: (_, client, code) => client.grantTypeAllowed("refresh_token") && code.scopes.has("offline_access"),
  rotateRefreshToken: true,
  extraTokenClaims: (_, token) => ({
    ...("accountId" in token && typeof token.accountId === "string" ? claims(token.accountId) : {}),
    ...("extra" in token ? token.extra : {})
  }),
  ttl: {
    AccessToken: (_, token) => token.resourceServer?.accessTokenTTL ?? settings.life,
    ClientCredentials: (_, token) => token.resourceServer?.accessTokenTTL ?? settings.life,
    RefreshToken: 3600,
    Interaction: 600,
    Session: 600,
    Grant: 3600,
    IdToken: 300,
    AuthorizationCode: 60
  },
  clientDefaults: { grant_types: ["authorization_code", "refresh_token"] },
  ...more,
  clients: [...CLIENTS, ...more.clients ?? []],
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    registration: { enabled: true, initialAccessToken: false },
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => [],
      useGrantedResource: () => true,
      getResourceServerInfo: (_, audience) => resourceFor(audience, scopes.join(" "), settings)
    },
    ...more.features
    // The types tell apart which features go together, and lose count in a spread.
  } as NonNullable<Configuration["features"]>
})

const CLIENTS: NonNullable<Configuration["clients"]> = [
  { client_id: "svc", client_secret: "svc-secret", redirect_uris: [], response_types: [], grant_types: ["client_credentials", EXCHANGE] },
  { client_id: "rs", client_secret: "rs-secret", redirect_uris: [], response_types: [], grant_types: [] },
  {
    client_id: "web",
    client_secret: "web-secret",
    application_type: "native",
    redirect_uris: ["http://127.0.0.1:18999/callback"],
    grant_types: ["authorization_code", "refresh_token"]
  }
]

const PARAMETERS = ["subject_token", "subject_token_type", "actor_token", "actor_token_type", "resource", "audience", "scope", "requested_token_type"]

const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** An identity of this server's user, asserted to another authorization server (enterprise-managed authorization). */
const assertedTo = async (provider: Provider, key: JWK, params: Readonly<Record<string, unknown>>, client: string) => {
  if (params["subject_token_type"] !== ID_TOKEN) throw new errors.InvalidRequest("subject_token_type not supported")
  const { payload } = await jwtVerify(String(params["subject_token"]), publicHalves([key]), { issuer: provider.issuer, audience: client })
    .catch(() => Promise.reject(new errors.InvalidGrant("the ID token does not count")))
  const { audience, resource, scope } = params
  const access_token = await new SignJWT({ client_id: client, resource, scope, jti: randomBytes(8).toString("hex") })
    .setProtectedHeader({ alg: "RS256", kid: key.kid ?? "", typ: "oauth-id-jag+jwt" })
    .setIssuer(provider.issuer).setSubject(payload.sub ?? "").setAudience(String(audience)).setIssuedAt().setExpirationTime("5m")
    .sign(await importJWK(key, "RS256"))
  return { access_token, issued_token_type: ID_JAG, token_type: "N_A", expires_in: 300 }
}

/** RFC 7523: an identity that another server asserted in, an access token of this one out. */
export const takesAssertionsOf = (provider: Provider, issuer: string, settings: Settings) => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  provider.registerGrantType(BEARER, async (context) => {
    const { client } = context.oidc
    const params: Readonly<Record<string, unknown>> = context.oidc.params ?? {}
    if (client === undefined) throw new errors.InvalidClient("no client")
    const { payload } = await jwtVerify(String(params["assertion"]), keys, { issuer, audience: provider.issuer, typ: "oauth-id-jag+jwt" })
      .catch(() => Promise.reject(new errors.InvalidGrant("the assertion does not count")))
    const audience = String(payload["resource"])
    const scope = String(params["scope"] ?? "")
    const token = new provider.AccessToken({ client, accountId: payload.sub ?? "", grantId: "", gty: "jwt_bearer", scope })
    token.resourceServer = new provider.ResourceServer(audience, resourceFor(audience, SCOPES.join(" "), settings))
    context.body = { access_token: await token.save(), token_type: "Bearer", expires_in: token.expiration, scope }
  }, ["assertion", "scope"], [])
}

/** RFC 8693: a token of this server in, a JWT for another resource out, with an act claim. */
export const exchangeAt = (provider: Provider, keys: () => ReadonlyArray<JWK>, settings: Settings) => {
  provider.registerGrantType(EXCHANGE, async (context) => {
    const { client } = context.oidc
    const params: Readonly<Record<string, unknown>> = context.oidc.params ?? {}
    if (client === undefined) throw new errors.InvalidClient("no client")
    if (params["requested_token_type"] === ID_JAG) {
      context.body = await assertedTo(provider, keys()[0] ?? {}, params, client.clientId)
      return
    }
    if (params["subject_token_type"] !== ACCESS) throw new errors.InvalidRequest("subject_token_type not supported")
    const subject = await subjectOf(provider, keys(), String(params["subject_token"]))
    if (subject?.accountId === undefined) throw new errors.InvalidGrant("subject token not active")
    const audience = String(params["resource"] ?? params["audience"])
    const scope = String(params["scope"] ?? "")
    const widest = new Set((subject.scope ?? "").split(" "))
    if (scope.split(" ").some((each) => each !== "" && !widest.has(each))) throw new errors.InvalidScope("wider than the subject token", scope)
    const token = new provider.AccessToken({
      client,
      accountId: subject.accountId,
      grantId: "",
      gty: "token_exchange",
      scope,
      extra: { act: { sub: client.clientId } }
    })
    token.resourceServer = new provider.ResourceServer(audience, resourceFor(audience, SCOPES.join(" "), settings))
    context.body = { access_token: await token.save(), issued_token_type: ACCESS, token_type: "Bearer", expires_in: token.expiration, scope }
  }, PARAMETERS, ["resource", "audience"])
}

/** A JWT is not stored, so it is checked by the server's own keys; an opaque token is looked up. */
const subjectOf = async (provider: Provider, keys: ReadonlyArray<JWK>, token: string) => {
  if (!token.includes(".")) return provider.AccessToken.find(token)
  return jwtVerify(token, publicHalves(keys), { issuer: provider.issuer }).then(
    ({ payload }) => ({ accountId: payload.sub, scope: typeof payload["scope"] === "string" ? payload["scope"] : undefined }),
    () => undefined
  )
}

const publicHalves = (keys: ReadonlyArray<JWK>) =>
  createLocalJWKSet({ keys: keys.map(({ alg = "", e = "", kid = "", kty, n = "", use = "" }) => ({ alg, e, kid, kty: kty ?? "", n, use })) })
