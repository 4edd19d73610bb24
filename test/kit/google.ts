/**
 * Speaks as Google does, by its documentation: discovery, keys, ID tokens, tokeninfo for access tokens, refresh.
 * https://developers.google.com/identity/openid-connect/openid-connect
 */
import { Effect, type Scope } from "effect"
import { SignJWT } from "jose"
import { newKey, type SigningKey } from "./issuer.ts"
import { bodyOf, type Loopback, loopback, sendJson } from "./loopback.ts"

export const CLIENT = { client_id: "1234-abc.apps.googleusercontent.com", client_secret: "hunter2" }

export interface Google extends Loopback {
  readonly config: Readonly<Record<string, string>>
  /** Access tokens and what tokeninfo says about each; all its values are texts. */
  readonly tokens: Map<string, Readonly<Record<string, string>>>
  readonly refreshTokens: Set<string>
  /** Codes that were given to our client, with the claims of the ID token for each. */
  readonly codes: Map<string, Readonly<Record<string, unknown>>>
  readonly idToken: (claims?: Readonly<Record<string, unknown>>, made?: { readonly key?: SigningKey; readonly typ?: string }) => Promise<string>
}

export const tokenInfo = (more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({
  azp: CLIENT.client_id,
  aud: CLIENT.client_id,
  sub: "110169484474386276334",
  scope: "openid https://www.googleapis.com/auth/userinfo.email",
  exp: String(Math.floor(Date.now() / 1000) + 3599),
  expires_in: "3599",
  email: "ada@example.com",
  email_verified: "true",
  access_type: "online",
  ...more
})

export const google: Effect.Effect<Google, never, Scope.Scope> = Effect.gen(function*() {
  const key = yield* Effect.promise(() => newKey("f1a2", "RS256"))
  const tokens: Google["tokens"] = new Map()
  const refreshTokens: Google["refreshTokens"] = new Set()
  const codes: Google["codes"] = new Map()
  const server: Loopback = yield* loopback((origin) => (request, response) =>
    void bodyOf(request).then((body) => {
      const form = new URLSearchParams(body)
      const asked = `${request.method} ${request.url}`
      if (asked === "GET /.well-known/openid-configuration") return sendJson(response, 200, discovery(origin))
      if (asked === "GET /oauth2/v3/certs") return sendJson(response, 200, { keys: [key.public] })
      if (asked === "POST /tokeninfo") {
        const info = tokens.get(form.get("access_token") ?? "")
        return info === undefined
          ? sendJson(response, 400, { error: "invalid_token", error_description: "Invalid Value" })
          : sendJson(response, 200, info)
      }
      const claims = codes.get(form.get("code") ?? "")
      if (asked === "POST /token" && claims !== undefined) {
        return void idToken(claims).then((id_token) => sendJson(response, 200, { access_token: "ya29.new", expires_in: 3599, token_type: "Bearer", id_token }))
      }
      if (asked === "POST /token") {
        return refreshTokens.has(form.get("refresh_token") ?? "")
          ? sendJson(response, 200, { access_token: "ya29.next", expires_in: 3599, scope: "openid email", token_type: "Bearer", id_token: "x" })
          : sendJson(response, 400, { error: "invalid_grant", error_description: "Token has been expired or revoked." })
      }
      return sendJson(response, 404, { error: { code: 404, message: "Not Found", status: "NOT_FOUND" } })
    }))

  const idToken: Google["idToken"] = (claims = {}, { key: by = key, typ = "JWT" } = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const usual = {
      iss: server.origin,
      azp: CLIENT.client_id,
      aud: CLIENT.client_id,
      sub: "110169484474386276334",
      email: "ada@example.com",
      email_verified: true,
      iat: now,
      exp: now + 3600
    }
    return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: "RS256", kid: by.kid, typ }).sign(by.private)
  }
  const config = { client_id: CLIENT.client_id, issuer: server.origin, tokeninfo_uri: `${server.origin}/tokeninfo` }
  return { ...server, config, tokens, refreshTokens, codes, idToken }
})

const discovery = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
  device_authorization_endpoint: `${origin}/device/code`,
  token_endpoint: `${origin}/token`,
  userinfo_endpoint: `${origin}/v1/userinfo`,
  revocation_endpoint: `${origin}/revoke`,
  jwks_uri: `${origin}/oauth2/v3/certs`,
  response_types_supported: ["code", "token", "id_token"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
  scopes_supported: ["openid", "email", "profile"],
  token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
  code_challenge_methods_supported: ["plain", "S256"],
  grant_types_supported: ["authorization_code", "refresh_token"]
})
