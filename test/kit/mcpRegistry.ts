/** An MCP registry on loopback (API v0.1) with entries made for a test; it remembers what it is asked for. */
import { Effect } from "effect"
import { loopback, sendJson } from "./loopback.ts"

export interface EntryText {
  readonly name: string
  readonly version: string
  readonly [key: string]: unknown
}

export interface Official {
  readonly publishedAt?: string
  readonly status?: string
  readonly statusMessage?: string
}

const SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

/** A server.json as people publish it. */
export const serverJson = (entry: EntryText): object => ({ $schema: SCHEMA, description: "for tests", ...entry })

export const mcpRegistry = Effect.gen(function*() {
  const published: Array<{ readonly server: EntryText; readonly official: Official }> = []
  const answerFor = ({ official, server }: typeof published[number]) =>
    ({ server: serverJson(server), _meta: { "io.modelcontextprotocol.registry/official": { status: "active", ...official } } })
  const server = yield* loopback(() => (request, response) => {
    const [, encoded = "", version] = /^\/v0\.1\/servers\/([^/]+)\/versions(?:\/([^/]+))?$/u.exec(request.url ?? "") ?? []
    const own = published.filter((each) => each.server.name === decodeURIComponent(encoded))
    if (own.length > 0 && version === undefined) return sendJson(response, 200, { servers: own.map(answerFor), metadata: { count: own.length } })
    const found = version === "latest" ? own.at(-1) : own.find((each) => each.server.version === decodeURIComponent(version ?? ""))
    sendJson(response, found === undefined ? 404 : 200, found === undefined ? { error: "Server not found" } : answerFor(found))
  })
  return {
    url: server.origin,
    requests: server.addresses,
    publish: (entry: EntryText, official: Official = {}) => void published.push({ server: entry, official })
  }
})
