/** A modern MCP server that is a resource server of its own: nobody gets anything without a token for it, and its tool says whose it was. */
import { Effect, type Scope } from "effect"
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose"
import { bodyOf, loopback, sendResult } from "./loopback.ts"

export interface ResourceServer {
  readonly url: string
  /** Every Authorization header that came. */
  readonly seen: () => ReadonlyArray<string>
  /** How often its tool was called, let in or not. */
  readonly calls: () => number
}

const resultOf = (method: string, claims: JWTPayload): object | undefined => {
  switch (method) {
    case "server/discover":
      return { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" }
    case "tools/list":
      return { tools: [{ name: "who", inputSchema: { type: "object" } }], ttlMs: 0, cacheScope: "private" }
    case "tools/call":
      return { content: [{ type: "text", text: JSON.stringify({ sub: claims.sub, act: claims["act"], client: claims["client_id"], scope: claims["scope"] }) }] }
    default:
      return undefined
  }
}

/** @param issuer whose tokens it takes, when they are for its own address */
export const resourceServer = Effect.fnUntraced(function*(issuer: string): Effect.fn.Return<ResourceServer, never, Scope.Scope> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 0 })
  const seen: Array<string> = []
  let calls = 0
  const { origin } = yield* loopback((origin) => async (request, response) => {
    const body = await bodyOf(request)
    const authorization = request.headers.authorization ?? ""
    seen.push(authorization)
    const { id, method } = JSON.parse(body === "" ? "{}" : body)
    if (method === "tools/call") calls++
    const audience = `${origin}/mcp`
    const verified = await jwtVerify(authorization.replace(/^Bearer /u, ""), keys, { issuer, audience }).catch(() => undefined)
    if (verified === undefined) return void response.writeHead(401, { "www-authenticate": "Bearer" }).end()
    sendResult(response, id, resultOf(String(method), verified.payload))
  })
  return { url: `${origin}/mcp`, seen: () => seen, calls: () => calls }
})
