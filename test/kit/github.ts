/**
 * Speaks as a GitHub Enterprise Server does, by its documentation: checking a token, refreshing one,
 * and the user of one. https://docs.github.com/rest/apps/oauth-applications
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, type Scope } from "effect"
import { bodyOf, type Loopback, loopback, sendJson } from "./loopback.ts"

export const APP = { client_id: "Iv1.8a61f9b3a7aba766", client_secret: "hunter2" }
export const OTHER_APP = "Iv1.0000000000000000"

export interface GithubToken {
  readonly app: string
  readonly user: { readonly id: number; readonly login: string } | null
  readonly scopes: ReadonlyArray<string>
  readonly expires_at: string | null
}

export interface Github extends Loopback {
  readonly issuer: string
  /** Given out and not revoked. */
  readonly tokens: Map<string, GithubToken>
  readonly refreshTokens: Set<string>
  /** Codes that were given to our app, with the token for each. */
  readonly codes: Map<string, string>
  /** As which HTTP status and message it answers everything while set. */
  readonly trouble: { answer: { readonly status: number; readonly message: string } | undefined }
}

export const github: Effect.Effect<Github, never, Scope.Scope> = Effect.gen(function*() {
  const tokens: Github["tokens"] = new Map()
  const refreshTokens: Github["refreshTokens"] = new Set()
  const codes: Github["codes"] = new Map()
  const trouble: Github["trouble"] = { answer: undefined }
  const server = yield* loopback(() => (request, response) =>
    void bodyOf(request).then((body) => {
      // Who does not say what program it is is refused.
      if (request.headers["user-agent"] === undefined) return sendMessage(response, 403, "Request forbidden by administrative rules.")
      if (trouble.answer !== undefined) return sendMessage(response, trouble.answer.status, trouble.answer.message)
      if (request.method === "POST" && request.url === `/api/v3/applications/${APP.client_id}/token`) return check(tokens, request, body, response)
      if (request.method === "POST" && request.url === "/login/oauth/access_token") return trade({ refreshTokens, codes }, new URLSearchParams(body), response)
      if (request.method === "GET" && request.url === "/api/v3/user") return user(tokens, request, response)
      return sendMessage(response, 404, "Not Found")
    }))
  return { ...server, issuer: `${server.origin}/login/oauth`, tokens, refreshTokens, codes, trouble }
})

const sendMessage = (response: ServerResponse, status: number, message: string) =>
  sendJson(response, status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) })

const check = (tokens: Github["tokens"], request: IncomingMessage, body: string, response: ServerResponse) => {
  const basic = `Basic ${Buffer.from(`${APP.client_id}:${APP.client_secret}`).toString("base64")}`
  if (request.headers.authorization !== basic) return sendMessage(response, 401, "Bad credentials")
  const { access_token } = JSON.parse(body) as { readonly access_token?: string }
  const found = tokens.get(access_token ?? "")
  // A token of another app is as good as none.
  if (found === undefined || found.app !== APP.client_id) return sendMessage(response, 404, "Not Found")
  return sendJson(response, 200, {
    id: 1,
    url: `https://ghe.example.com/api/v3/authorizations/1`,
    scopes: found.scopes,
    token: access_token,
    token_last_eight: access_token?.slice(-8),
    hashed_token: "25f94a2a5c7fbaf499c665bc73d67c1c87e496da8985131633ee0a95819db2e8",
    app: { url: "https://ghe.example.com", name: "gateway", client_id: found.app },
    note: null,
    note_url: null,
    updated_at: "2026-09-06T20:39:23Z",
    created_at: "2026-09-06T17:26:27Z",
    fingerprint: null,
    expires_at: found.expires_at,
    user: found.user && { ...found.user, node_id: "MDQ6VXNlcjE=", type: "User", site_admin: false }
  })
}

/** Its errors come with 200. */
const trade = ({ codes, refreshTokens }: Pick<Github, "codes" | "refreshTokens">, form: URLSearchParams, response: ServerResponse) => {
  const isApp = form.get("client_id") === APP.client_id && form.get("client_secret") === APP.client_secret
  if (!isApp) {
    return sendJson(response, 200, { error: "incorrect_client_credentials", error_description: "The client_id and/or client_secret passed are incorrect." })
  }
  const code = form.get("code")
  if (code !== null) {
    const access_token = codes.get(code)
    codes.delete(code)
    return access_token === undefined || form.get("code_verifier") === null
      ? sendJson(response, 200, { error: "bad_verification_code", error_description: "The code passed is incorrect or expired." })
      : sendJson(response, 200, { access_token, scope: "", token_type: "bearer" })
  }
  if (form.get("grant_type") !== "refresh_token" || !refreshTokens.delete(form.get("refresh_token") ?? "")) {
    return sendJson(response, 200, { error: "bad_refresh_token", error_description: "The refresh token passed is incorrect or expired." })
  }
  refreshTokens.add("ghr_next")
  return sendJson(response, 200, {
    access_token: "ghu_next",
    expires_in: 28_800,
    refresh_token: "ghr_next",
    refresh_token_expires_in: 15_811_200,
    scope: "repo,user",
    token_type: "bearer"
  })
}

const user = (tokens: Github["tokens"], request: IncomingMessage, response: ServerResponse) => {
  const found = tokens.get(request.headers.authorization?.replace(/^Bearer /u, "") ?? "")
  return found?.user ? sendJson(response, 200, { ...found.user, name: "Ada", type: "User" }) : sendMessage(response, 401, "Bad credentials")
}
