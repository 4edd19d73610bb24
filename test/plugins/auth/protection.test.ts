import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { protectionOf } from "../../../plugins/auth/granted/Protection.ts"
import { egressLayer } from "../../../src/host/Egress.node.ts"
import { loopback, sendJson } from "../../kit/loopback.ts"

const WELL_KNOWN = "/.well-known/oauth-protected-resource"
const ISSUER = "https://id.example.com"

interface Says {
  readonly challenge?: string
  /** By path. */
  readonly documents: Readonly<Record<string, object>>
}

/** A backend at /a/mcp; `$` in what it says is its origin. */
const backend = Effect.fnUntraced(function*({ challenge = "Bearer", documents }: Says) {
  const server = yield* loopback((origin) => ({ url = "" }, response) => {
    const here = (text: string) => text.replaceAll("$", origin)
    const document = documents[url]
    if (document !== undefined) return sendJson(response, 200, JSON.parse(here(JSON.stringify(document))))
    return void response.writeHead(url === "/a/mcp" ? 401 : 404, { "www-authenticate": here(challenge) }).end()
  })
  const found = yield* Effect.result(protectionOf(`${server.origin}/a/mcp`))
  const said = found._tag === "Success" ? found.success : found.failure.message
  return { said, requests: server.requests, origin: server.origin }
}, Effect.provide(egressLayer))

const named = (resource: string, more: object = {}) => ({ resource, authorization_servers: [ISSUER], ...more })

describe("what a backend says of its protection", () => {
  it.live("is read where its challenge says, and nowhere else", () =>
    Effect.gen(function*() {
      const { origin, requests, said } = yield* backend({
        challenge: "Bearer realm=\"a\", scope=\"read write\", resource_metadata=\"$/elsewhere.json\"",
        documents: { "/elsewhere.json": named("$/a/mcp", { scopes_supported: ["all"] }), [`${WELL_KNOWN}/a/mcp`]: named("$/a/mcp") }
      })
      assert.deepStrictEqual(said, { issuer: ISSUER, resource: `${origin}/a/mcp`, scopes: ["read", "write"] })
      assert.deepStrictEqual(requests, ["POST /a/mcp", "GET /elsewhere.json"])
    }).pipe(Effect.scoped))

  it.live("names the scopes of its metadata where its challenge names none", () =>
    Effect.gen(function*() {
      const { said } = yield* backend({ documents: { [`${WELL_KNOWN}/a/mcp`]: named("$/a/mcp", { scopes_supported: ["all"] }) } })
      assert.deepInclude(said, { scopes: ["all"] })
    }).pipe(Effect.scoped))

  it.live("may be of the whole host at its root, but not at a path, which is not the whole host's to speak for", () =>
    Effect.gen(function*() {
      const root = yield* backend({ documents: { [WELL_KNOWN]: named("$") } })
      assert.deepInclude(root.said, { resource: root.origin })
      for (const [place, resource] of [[`${WELL_KNOWN}/a/mcp`, "$"], [`${WELL_KNOWN}/a/mcp`, "$/b/mcp"], [WELL_KNOWN, "$/b/mcp"], [WELL_KNOWN, "https://evil.example.com"]] as const) {
        const { said } = yield* backend({ documents: { [place]: named(resource) } })
        assert.match(String(said), /speaks of another resource/u, `${place} ${resource}`)
      }
    }).pipe(Effect.scoped))

  it.live("does not count where it names no authorization server, two, or one without https", () =>
    Effect.gen(function*() {
      const at = (authorization_servers: ReadonlyArray<string>) =>
        Effect.map(backend({ documents: { [`${WELL_KNOWN}/a/mcp`]: named("$/a/mcp", { authorization_servers }) } }), ({ said }) => String(said))
      assert.match(yield* at([]), /names no authorization server/u)
      assert.match(yield* at([ISSUER, "https://other.example.com"]), /names 2 authorization servers/u)
      assert.match(yield* at(["http://id.example.com"]), /not https/u)
    }).pipe(Effect.scoped))
})
