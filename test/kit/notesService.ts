/**
 * A service of somebody's with keys of its own, as docs/writing-an-auth-strategy.md describes it: users approve an
 * application in a browser, the application trades the code for a key and renews that, and the MCP server takes keys alone.
 */
import { createHash, randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect } from "effect"
import { bodyOf, loopback, sendJson, sendResult } from "./loopback.ts"

const APP = { app_id: "gateway", app_secret: "the secret of the gateway" }

interface Granted {
  readonly user: string
  readonly key: string
  readonly renewal: string
  until: number
}

const random = () => randomBytes(24).toString("base64url")
const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url")

const attribute = (text: string) => text.replaceAll("&", "&amp;").replaceAll("\"", "&quot;")
const field = ([name, value]: readonly [string, string]) => `<input type="hidden" name="${attribute(name)}" value="${attribute(value)}">`

export const notesService = Effect.fnUntraced(function*() {
  const codes = new Map<string, Readonly<Record<string, string>>>()
  const granted = new Map<string, Granted>()
  const seen: Array<string> = []
  const spent = new Set<string>()
  let spentTwice = 0
  const settings = { seconds: 300 }

  const grant = (user: string) => {
    const fresh = { user, key: `nk_${random()}`, renewal: `nr_${random()}`, until: Date.now() + settings.seconds * 1000 }
    granted.set(fresh.renewal, fresh)
    return { key: fresh.key, renewal: fresh.renewal, seconds: settings.seconds }
  }

  const traded = ({ code, code_verifier, redirect_uri }: Readonly<Record<string, string>>) => {
    const approved = codes.get(code ?? "")
    codes.delete(code ?? "")
    const isRight = approved !== undefined && approved["code_challenge"] === challengeOf(code_verifier ?? "") && approved["redirect_uri"] === redirect_uri
    return isRight ? grant(approved["login"] ?? "") : undefined
  }

  const renewed = ({ renewal }: Readonly<Record<string, string>>) => {
    if (spent.has(renewal ?? "")) spentTwice++
    spent.add(renewal ?? "")
    const before = granted.get(renewal ?? "")
    granted.delete(renewal ?? "")
    return before === undefined ? undefined : grant(before.user)
  }

  const keys = (path: string, asked: Readonly<Record<string, string>>, response: ServerResponse) => {
    if (asked["app_id"] !== APP.app_id || asked["app_secret"] !== APP.app_secret) return sendJson(response, 401, {})
    if (path === "/keys/revoke") {
      granted.delete(asked["renewal"] ?? "")
      return sendJson(response, 200, {})
    }
    const answer = path === "/keys" ? traded(asked) : renewed(asked)
    return answer === undefined ? sendJson(response, 410, { error: "gone" }) : sendJson(response, 200, answer)
  }

  const mcp = (request: IncomingMessage, body: string, response: ServerResponse) => {
    const key = String(request.headers["x-notes-key"] ?? "")
    seen.push(`${key} ${request.headers.authorization ?? ""}`)
    const holder = [...granted.values()].find((one) => one.key === key && one.until > Date.now())
    if (holder === undefined) return void response.writeHead(401).end()
    const { id, method } = JSON.parse(body)
    const results: Readonly<Record<string, object>> = {
      "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ttlMs: 0, cacheScope: "private" },
      "tools/list": { tools: [{ name: "list", inputSchema: { type: "object" } }], ttlMs: 0, cacheScope: "private" },
      "tools/call": { content: [{ type: "text", text: `the notes of ${holder.user}` }] }
    }
    sendResult(response, id, results[String(method)])
  }

  const server = yield* loopback((origin) => async (request, response) => {
    const body = await bodyOf(request)
    const url = new URL(request.url ?? "/", origin)
    if (url.pathname === "/mcp") return mcp(request, body, response)
    if (url.pathname !== "/authorize") return keys(url.pathname, JSON.parse(body === "" ? "{}" : body), response)
    if (request.method === "GET") {
      const fields = [...url.searchParams, ["prompt", "login"] as const].map(field).join("")
      return void response.writeHead(200, { "content-type": "text/html" }).end(`<form action="/authorize" method="post">${fields}<input name="login"><button>Approve</button></form>`)
    }
    const approved = Object.fromEntries(new URLSearchParams(body))
    const code = random()
    codes.set(code, approved)
    const back = `${approved["redirect_uri"]}?${new URLSearchParams({ code, state: approved["state"] ?? "" })}`
    return void response.writeHead(303, { location: back }).end()
  })

  return {
    ...server,
    /** What the strategy is configured with. */
    config: { url: server.origin, ...APP },
    settings,
    /** `<key> <authorization>` of every request to the MCP server. */
    seen: () => seen,
    /** How often a renewal came that was used before. */
    spentTwice: () => spentTwice,
    /** All keys end now, and can be renewed. */
    endKeys: () => granted.forEach((one) => void (one.until = 0)),
    /** Users who still have something granted. */
    holders: () => [...granted.values()].map(({ user }) => user),
    /** The user takes it back: keys end and cannot be renewed. */
    withdraw: (user: string) => granted.forEach((one, renewal) => one.user === user && granted.delete(renewal))
  }
})
