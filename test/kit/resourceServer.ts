/** An MCP server, modern unless told, that is a resource server of its own: nobody gets anything without a token for it, and its tool says whose it was. */
import { Effect, type Scope } from "effect"
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose"
import { bodyOf, loopback, sendResult } from "./loopback.ts"

export interface ResourceServer {
  readonly url: string
  /** Every Authorization header that came. */
  readonly seen: () => ReadonlyArray<string>
  /** How often its tool was called, let in or not. */
  readonly calls: () => number
  /** How many sessions were begun, where it speaks an older revision. */
  readonly sessions: () => number
  /** From now on every token that has come so far is answered as one that was revoked. */
  readonly revokeSeen: () => void
  /** From now on what is refused is answered only when this is fulfilled. */
  readonly refuseAfter: (moment: Promise<void>) => void
  /** Takes it down, and brings it back. */
  readonly down: Effect.Effect<void>
  readonly comeBack: Effect.Effect<void>
}

const resultOf = (method: string, claims: JWTPayload, era: "modern" | "legacy"): object | undefined => {
  switch (method) {
    case "initialize":
      return era === "modern" ? undefined : { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "resource", version: "1" } }
    case "server/discover":
      if (era === "legacy") return undefined
      return { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" }
    case "tools/list":
      return { tools: ["who", "write"].map((name) => ({ name, inputSchema: { type: "object" } })), ttlMs: 0, cacheScope: "private" }
    case "tools/call":
      return { content: [{ type: "text", text: JSON.stringify({ sub: claims.sub, act: claims["act"], client: claims["client_id"], scope: claims["scope"] }) }] }
    default:
      return undefined
  }
}

/** @param issuer whose tokens it takes, when they are for its own address */
export const resourceServer = Effect.fnUntraced(function*(issuer: string, era: "modern" | "legacy" = "modern", jwks = "/jwks"): Effect.fn.Return<ResourceServer, never, Scope.Scope> {
  const keys = createRemoteJWKSet(new URL(`${issuer}${jwks}`), { cooldownDuration: 0 })
  const seen: Array<string> = []
  let calls = 0
  let sessions = 0
  const revoked = new Set<string>()
  let refusing = Promise.resolve()
  const server = yield* loopback((origin) => async (request, response) => {
    const body = await bodyOf(request)
    const authorization = request.headers.authorization ?? ""
    seen.push(authorization)
    const { id, method, params } = JSON.parse(body === "" ? "{}" : body)
    if (method === "tools/call") calls++
    const audience = `${origin}/mcp`
    const verified = await jwtVerify(authorization.replace(/^Bearer /u, ""), keys, { issuer, audience }).catch(() => undefined)
    const isRefused = verified === undefined || revoked.has(authorization)
    if (isRefused) await refusing
    if (isRefused) return void response.writeHead(401, { "www-authenticate": "Bearer", "content-type": "application/json" })
      .end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32001, message: "who are you" } }))
    const scopes = String(verified.payload["scope"] ?? "").split(" ")
    if (params?.name === "write" && !scopes.includes("write")) {
      return void response.writeHead(403, { "www-authenticate": `Bearer error="insufficient_scope", scope="mcp write"`, "content-type": "application/json" })
        .end(JSON.stringify({ error: "insufficient_scope" }))
    }
    if (era === "legacy" && id === undefined) return void response.writeHead(request.method === "POST" ? 202 : 405).end()
    if (method === "initialize") response.setHeader("mcp-session-id", `session-${++sessions}`)
    sendResult(response, id, resultOf(String(method), verified.payload, era))
  })
  return {
    url: `${server.origin}/mcp`,
    seen: () => seen,
    calls: () => calls,
    sessions: () => sessions,
    revokeSeen: () => seen.forEach((one) => revoked.add(one)),
    refuseAfter: (moment) => void (refusing = moment),
    down: server.down,
    comeBack: server.comeBack
  }
})
