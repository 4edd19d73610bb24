/**
 * An issuer that does as a test says: it signs any claims with any header, and its metadata and keys
 * can be made wrong. What a real server does is for `authorizationServer.ts`.
 */
import { Effect, type Scope } from "effect"
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose"
import type { ServerResponse } from "node:http"
import { bodyOf, type Loopback, loopback, sendJson } from "./loopback.ts"

export const AUDIENCE = "https://gw.example.com/mcp"

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly private: CryptoKey
  readonly public: JWK
}

export interface Minted {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: SigningKey
}

export interface Issuer extends Loopback {
  readonly issuer: string
  readonly key: SigningKey
  /** A token that is good unless told otherwise; `undefined` leaves a claim or header out. */
  readonly mint: (minted?: Minted) => Promise<string>
  /** What it answers; a test may replace any. */
  readonly answers: {
    keys: ReadonlyArray<JWK>
    /** More metadata, or others. */
    metadata: Record<string, unknown>
    jwks: ((response: ServerResponse) => void) | undefined
    introspection: ((token: string, response: ServerResponse) => void) | undefined
    token: ((form: URLSearchParams, response: ServerResponse) => void) | undefined
  }
}

export const KEYS = "GET /jwks"

export const newKey = async (kid: string, alg = "ES256"): Promise<SigningKey> => {
  const pair = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, private: pair.privateKey, public: { ...await exportJWK(pair.publicKey), kid, alg, use: "sig" } }
}

/** @param path of the issuer's address */
export const issuerAt = (path = ""): Effect.Effect<Issuer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const key = yield* Effect.promise(() => newKey("one"))
    const answers: Issuer["answers"] = { keys: [key.public], metadata: {}, jwks: undefined, introspection: undefined, token: undefined }
    const server = yield* loopback((origin) => (request, response) => {
      const asked = request.url ?? ""
      if (asked.startsWith("/.well-known/")) return metadataOf(origin + path, answers, asked, response)
      if (asked === "/jwks") return answers.jwks === undefined ? sendJson(response, 200, { keys: answers.keys }) : answers.jwks(response)
      if (asked === "/userinfo") return sendJson(response, 200, { sub: "ada", asked_with: request.headers.authorization })
      void bodyOf(request).then((body) => {
        const form = new URLSearchParams(body)
        if (asked === "/introspect" && answers.introspection !== undefined) return answers.introspection(form.get("token") ?? "", response)
        if (asked === "/token" && answers.token !== undefined) return answers.token(form, response)
        return sendJson(response, 404, {})
      })
    })
    return { ...server, issuer: server.origin + path, key, answers, mint: minting(server.origin + path, key) }
  })

const metadataOf = (issuer: string, answers: Issuer["answers"], asked: string, response: ServerResponse) => {
  const { origin, pathname } = new URL(issuer)
  if (asked !== `/.well-known/oauth-authorization-server${pathname === "/" ? "" : pathname}`) return sendJson(response, 404, {})
  return sendJson(response, 200, {
    issuer,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/jwks`,
    introspection_endpoint: `${origin}/introspect`,
    userinfo_endpoint: `${origin}/userinfo`,
    code_challenge_methods_supported: ["S256"],
    ...answers.metadata
  })
}

const minting = (issuer: string, own: SigningKey) => ({ claims = {}, header = {}, key = own }: Minted = {}) => {
  const now = Math.floor(Date.now() / 1000)
  const payload: JWTPayload = {
    iss: issuer,
    aud: AUDIENCE,
    sub: "ada",
    client_id: "desk",
    scope: "mcp read",
    iat: now,
    exp: now + 300,
    ...claims
  }
  return new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header }).sign(key.private)
}
