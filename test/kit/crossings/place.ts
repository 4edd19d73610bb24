/**
 * Many servers behind one gateway for many users: each server says whose token it got and which server it is, so that
 * whatever is mixed up shows. Issuers and servers are in this process, and tokens end all the time.
 */
import { Effect, Redacted, type Scope } from "effect"
import { decodeJwt } from "jose"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { keepFor } from "../../../src/vault/Keeping.ts"
import { storeFile } from "../../../src/vault/Vault.node.ts"
import { Vault } from "../../../src/vault/Vault.ts"
import { freePort } from "../everything.ts"
import { type Gateway, gateway } from "../gateway.ts"
import { type Issuer, issuerAt } from "../issuer.ts"
import { bodyOf, loopback, sendJson, sendResult } from "../loopback.ts"
import { heldKey, keyOf, vaultAt } from "../vault.ts"
import { keyIn } from "../verbs.ts"

export const KINDS = ["delegate_oauth", "token_exchange", "gateway_jwt"] as const
export type Kind = typeof KINDS[number]

export interface Behind {
  readonly id: string
  readonly kind: Kind
}

export interface Place {
  readonly gate: Gateway
  readonly users: ReadonlyArray<string>
  readonly servers: ReadonlyArray<Behind>
  readonly tokenOf: (user: string) => Promise<string>
  /** Applies a manifest that wants the same of everybody in other words: strategies are built anew under load. */
  readonly reload: (number: number) => void
  /** How often tokens for servers were given. */
  readonly given: () => number
}

/** Seconds that tokens live: those of users are replaced half a minute ahead of their end. */
const LIFE = { exchanged: 32, granted: 36, inbound: 3000 }

/** A server at /id/mcp: what it lists and answers names the subject of the token it got. */
const echo = loopback((origin) => async (request, response) => {
  const { id, method, params } = JSON.parse(await bodyOf(request) || "{}")
  const [, server = ""] = (request.url ?? "").split("/")
  const token = request.headers.authorization?.replace(/^Bearer /u, "") ?? ""
  const { aud, sub } = token === "" ? {} : decodeJwt(token)
  if (sub === undefined || aud !== `${origin}/${server}/mcp`) return void response.writeHead(401, { "www-authenticate": "Bearer" }).end()
  const results: Readonly<Record<string, object>> = {
    "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" },
    "tools/list": { tools: [{ name: "who", description: `of ${sub}`, inputSchema: { type: "object" } }], ttlMs: 0, cacheScope: "private" },
    "tools/call": { content: [{ type: "text", text: JSON.stringify({ server, sub, said: params?.arguments?.say }) }] }
  }
  sendResult(response, id, results[String(method)])
})

/** Gives tokens by exchange, client credentials and refresh; a refresh token says whose and for what it is. */
const giving = (issuer: Issuer, count: () => void) => {
  const minted = async (sub: string, aud: string, life: number) => {
    count()
    const exp = Math.floor(Date.now() / 1000) + life
    return { access_token: await issuer.mint({ claims: { sub, aud, exp, scope: "mcp" } }), token_type: "Bearer", expires_in: life }
  }
  issuer.answers.metadata = { ...issuer.answers.metadata, jwks_uri: `${issuer.origin}/jwks` }
  issuer.answers.token = (form, response) => {
    const resource = form.get("resource") ?? ""
    const answer = async () => {
      switch (form.get("grant_type")) {
        case "refresh_token":
          return { ...await minted(JSON.parse(form.get("refresh_token") ?? "{}").sub, resource, LIFE.granted), refresh_token: form.get("refresh_token") }
        case "client_credentials":
          return minted("gateway", resource, LIFE.exchanged)
        default:
          return {
            ...await minted(decodeJwt(form.get("subject_token") ?? "").sub ?? "", resource, LIFE.exchanged),
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token"
          }
      }
    }
    void answer().then((body) => sendJson(response, 200, body))
  }
}

interface Granted {
  readonly home: Issuer
  readonly away: Issuer
  readonly urlOf: (server: string) => string
  readonly users: ReadonlyArray<string>
  readonly servers: ReadonlyArray<Behind>
}

/** Every user has consented at every server that asks for it: the vault holds what that would have left, with an access token that has ended. */
const consented = ({ away, home, servers, urlOf, users }: Granted) => (directory: string) => {
  mkdirSync(join(directory, "data"))
  const granted = Effect.gen(function*() {
    const vault = yield* Vault
    for (const { id } of servers.filter(({ kind }) => kind === "delegate_oauth")) {
      for (const sub of users) {
        const tokens = { access_token: "ended", refresh_token: JSON.stringify({ sub, id }), expires: 1, scopes: ["mcp"] }
        yield* keepFor(vault, id).put(["grant", away.issuer, urlOf(id), "gate", home.issuer, sub], { value: Redacted.make(JSON.stringify(tokens)) })
      }
    }
  })
  const vault = vaultAt(storeFile(join(directory, "data")), heldKey({ bytes: keyOf(KEY) }))
  return Effect.runPromise(Effect.scoped(Effect.flatMap(vault, (context) => Effect.provideContext(granted, context))))
}

/** Of the gateway's vault. */
const KEY = 3

export const placeWith = Effect.fnUntraced(function*(userCount: number, serverCount: number): Effect.fn.Return<Place, never, Scope.Scope> {
  const [home, away] = [yield* issuerAt(), yield* issuerAt()]
  let given = 0
  for (const issuer of [home, away]) giving(issuer, () => given++)
  const { origin } = yield* echo
  const port = yield* freePort
  const users = Array.from({ length: userCount }, (_, index) => `user-${index}`)
  const servers = Array.from({ length: serverCount }, (_, index) => ({ id: `s${index}`, kind: KINDS[index % KINDS.length] ?? "gateway_jwt" }))
  const urlOf = (id: string) => `${origin}/${id}/mcp`

  const partOf = ({ id, kind }: Behind, number: number) => {
    const client = { client_id: "gate", client_secret: `secret ${number % 2}` }
    if (kind === "delegate_oauth") return { auth_strategy: kind, auth_config: { issuer: away.issuer, ...client, scopes: ["mcp"] } }
    const auth_config = kind === "token_exchange"
      ? { method: kind, issuer: home.issuer, ...client, audience: urlOf(id), scopes: ["mcp"] }
      : { method: kind, audience: urlOf(id), life: 31 + number % 2 }
    return { auth_strategy: "master_oauth", auth_config }
  }
  const manifest = (number: number) => ({
    master_oauth: { provider: "oidc", issuer: home.issuer, client_id: "gate", client_secret: "none" },
    servers: servers.map((server, index) => ({ id: server.id, type: "remote", url: urlOf(server.id), ...partOf(server, index % 4 === number % 4 ? number : 0) }))
  })
  const gate = yield* gateway(manifest(0), { port, environment: keyIn(KEY), prepare: consented({ home, away, urlOf, users, servers }) })
  const tokenOf = (sub: string) =>
    home.mint({ claims: { sub, aud: gate.url, exp: Math.floor(Date.now() / 1000) + LIFE.inbound } })
  return { gate, users, servers, tokenOf, reload: (number) => gate.rewrite(manifest(number)), given: () => given }
})
