/** The gateway as an authorization server at the routes of `oauth.ts`: what a client asks for and gets, step by step. */
import { createHash } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"
import { Authentication } from "../../src/guard/Authentication.ts"
import { Base } from "../../src/guard/Base.ts"
import { Manifest } from "../../src/manifest/Manifest.ts"
import { Terms } from "../../src/oauth/server/Terms.ts"
import { OwnTokens } from "../../src/plugin/OwnTokens.ts"
import { answerTo, BASE } from "./browsing.ts"
import { browserAt, clientFor, described, ISSUER, type Visit } from "./oauth.ts"

export const RESOURCE = `${BASE}/mcp`
export const RETURN = "http://127.0.0.1:5555/callback"
export const VERIFIER = "v".repeat(43)
const challenge = createHash("sha256").update(VERIFIER).digest("base64url")

const usual = {
  clients: [
    { client_id: "desk", client_name: "Desk <1>", redirect_uris: ["http://127.0.0.1/callback", "https://desk.example.com/back?a=1"] },
    { client_id: "web", client_secret: "the secret: of web", redirect_uris: ["https://web.example.com/back"] }
  ],
  upstream: { provider: "oidc", client_id: "gateway" }
}

export const manifestWith = (server: object = {}, more: object = {}): Manifest =>
  Schema.decodeUnknownSync(Manifest)({
    version: 1,
    master_oauth: { provider: "gateway", required_scopes: ["mcp"] },
    authorization_server: { ...usual, ...server },
    servers: [{ id: "near", type: "local", path: "x", auth_strategy: "bypass_auth" }],
    ...more
  })

/** Puts rules into force as `provider: gateway` does. */
export const ruled = Effect.fnUntraced(function*(upstream = ISSUER) {
  const tokens = yield* OwnTokens
  const resource = (path: string) => BASE + path
  ;(yield* Authentication).apply({
    kind: "guarded",
    keys: undefined,
    signIn: {
      requiredScopes: ["mcp"],
      resource,
      audience: resource,
      provider: { issuer: BASE, believedFor: 0, validate: tokens.check, metadata: Effect.die("nobody asks") },
      users: { issuer: upstream, metadata: Effect.succeed(described(upstream)), browser: clientFor(upstream) }
    }
  })
})

export const authorizing = Effect.fnUntraced(function*(server: object = {}) {
  ;(yield* Base).become(BASE)
  yield* ruled()
  const terms = yield* Terms
  terms.apply(manifestWith(server))
  const tokens = yield* OwnTokens
  const newBrowser = yield* browserAt(BASE)
  const anybody = newBrowser()
  const post = (path: string, form: Record<string, string>, headers?: Record<string, string>) =>
    Effect.flatMap(anybody.post(path, form, headers), (response) =>
      Effect.promise(async (): Promise<Answer> => ({ status: response.status, headers: response.headers, body: Object(await response.json()) })))
  return {
    terms,
    newBrowser,
    token: (form: Record<string, string>, headers?: Record<string, string>) => post("/oauth/token", form, headers),
    revoke: (form: Record<string, string>) => post("/oauth/revoke", form),
    /** The subject, or why not. */
    subjectOf: (token: unknown, audience = RESOURCE) =>
      tokens.check(Redacted.make(String(token)), audience).pipe(
        Effect.map(({ subject }) => subject),
        Effect.catchTags({ TokenRefused: ({ reason }) => Effect.succeed(reason), ProviderUnavailable: ({ message }) => Effect.succeed(message) })
      )
  }
})

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export const asking = (more: Record<string, string | undefined> = {}): string => {
  const all = {
    response_type: "code",
    client_id: "desk",
    redirect_uri: RETURN,
    code_challenge: challenge,
    code_challenge_method: "S256",
    resource: RESOURCE,
    scope: "mcp manifold:admin",
    state: "s&1",
    ...more
  }
  const sent = Object.entries(all).flatMap(([name, value]) => value === undefined ? [] : [[name, value] as [string, string]])
  return `/oauth/authorize?${new URLSearchParams(sent)}`
}

export const locationOf = (response: Response) => new URL(response.headers.get("location") ?? "none:")

export const pageOf = (response: Response) => Effect.promise(() => response.text())

const unescaped = (text: string) => text.replaceAll("&quot;", "\"").replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")

/** The hidden fields of the form of a page. */
export const fieldsOf = (html: string): Record<string, string> =>
  Object.fromEntries([...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/gu)].map(([, name = "", value = ""]) => [name, unescaped(value)]))

/** Asks, signs in where that is wanted, and gives the consent page or what comes instead of it. */
export const arrived = Effect.fnUntraced(function*(visit: Visit, path: string, user = "ada") {
  const first = yield* visit.get(path)
  if (!locationOf(first).href.startsWith(ISSUER)) return first
  const back = yield* visit.get(answerTo(locationOf(first), { code: `code of ${user}` }))
  return yield* visit.get(locationOf(back).href.slice(BASE.length))
})

export const decided = Effect.fnUntraced(function*(visit: Visit, page: Response, decision: "allow" | "deny" = "allow") {
  return yield* visit.post("/oauth/consent", { ...fieldsOf(yield* pageOf(page)), decision })
})

/** All of it; the address that the user comes back to the client with. */
export const allowed = Effect.fnUntraced(function*(visit: Visit, path = asking(), user = "ada") {
  const page = yield* arrived(visit, path, user)
  return page.status === 200 ? locationOf(yield* decided(visit, page)) : locationOf(page)
})

export const codeForm = (back: URL, more: Record<string, string> = {}): Record<string, string> => ({
  grant_type: "authorization_code",
  client_id: "desk",
  code: back.searchParams.get("code") ?? "",
  redirect_uri: RETURN,
  code_verifier: VERIFIER,
  resource: RESOURCE,
  ...more
})
