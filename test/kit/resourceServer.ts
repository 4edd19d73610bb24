/** A modern MCP server that is a resource server of its own: nobody gets anything without a token for it, and its tool says whose it was. */
import { Effect, type Scope } from "effect"
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

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
export const resourceServer = (issuer: string): Effect.Effect<ResourceServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 0 })
      const seen: Array<string> = []
      let calls = 0
      let url = ""
      const server = createServer(async (request, response) => {
        let body = ""
        for await (const chunk of request) body += String(chunk)
        const authorization = request.headers.authorization ?? ""
        seen.push(authorization)
        const { id, method } = JSON.parse(body === "" ? "{}" : body)
        if (method === "tools/call") calls++
        const verified = await jwtVerify(authorization.replace(/^Bearer /u, ""), keys, { issuer, audience: url }).catch(() => undefined)
        if (verified === undefined) return response.writeHead(401, { "www-authenticate": "Bearer" }).end()
        const result = resultOf(String(method), verified.payload)
        response.writeHead(result === undefined ? 404 : 200, { "content-type": "application/json" })
        response.end(JSON.stringify(result === undefined
          ? { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }
          : { jsonrpc: "2.0", id, result: { ...result, resultType: "complete" } }))
      })
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
      const { port } = server.address() as AddressInfo
      url = `http://127.0.0.1:${port}/mcp`
      return { server, url, seen: () => seen, calls: () => calls }
    }),
    ({ server }) => Effect.sync(() => server.close().closeAllConnections())
  )
