/** A gateway before one server whose users consent for themselves, each at a real authorization server. */
import { Effect } from "effect"
import { authorizationServer } from "./authorizationServer.ts"
import type { UserBrowser } from "./browser.ts"
import { until } from "./calls.ts"
import { gateway } from "./gateway.ts"
import { resourceServer } from "./resourceServer.ts"
import { modernCall, post, type Reply, textOf } from "./wire.ts"

const client = (client_id: string, ...paths: ReadonlyArray<string>) => ({
  client_id,
  client_secret: `${client_id}-secret`,
  application_type: "native" as const,
  redirect_uris: paths.map((path) => `http://127.0.0.1${path}`),
  grant_types: ["authorization_code", "refresh_token"]
})

export const consenting = Effect.fnUntraced(function*(more: object = {}, era: "modern" | "legacy" = "modern", manifest: object = {}) {
  const home = yield* authorizationServer({ more: { clients: [client("gate", "/oauth/callback")] }, scopes: ["mcp", "manifold:admin"] })
  const away = yield* authorizationServer({ more: { clients: [client("gate-there", "/oauth/callback/back")] } })
  const backend = yield* resourceServer(away.issuer, era)
  const auth_config = { issuer: away.issuer, client_id: "gate-there", client_secret: "gate-there-secret", scopes: ["mcp", "offline_access"], ...more }
  const gate = yield* gateway({
    master_oauth: { provider: "oidc", issuer: home.issuer, client_id: "gate", client_secret: "gate-secret" },
    servers: [{ id: "back", type: "remote", url: backend.url, auth_strategy: "delegate_oauth", auth_config }],
    ...manifest
  }, { args: ["--log-level", "debug"] })
  const tokenOf = (user: string, scopes = ["mcp"]) => Effect.map(home.forUser(user, { audience: gate.url, scopes }), ({ access_token }) => access_token)
  const call = (token: string, name = "back__who"): Promise<Reply> => {
    const { body, headers } = modernCall(name)
    return post(gate.url, body, { ...headers, authorization: `Bearer ${token}` })
  }
  const list = async (token: string): Promise<ReadonlyArray<string>> => {
    const { body, headers } = modernCall("x")
    const { message } = await post(gate.url, body.replace("tools/call", "tools/list").replace(`"name":"x","arguments":{},`, ""), {
      ...headers,
      "mcp-method": "tools/list",
      "mcp-name": [],
      authorization: `Bearer ${token}`
    })
    const tools: unknown = message?.result?.["tools"]
    return Array.isArray(tools) ? tools.map(({ name }) => String(name)) : []
  }
  /** Calls until the server says what to open. */
  const linkFor = async (token: string) => linkIn(textOf(await until(() => call(token), ({ text }) => text.includes("/oauth/connect"))))
  /** The user calls, opens the address and consents. */
  const connected = async (token: string, browser: UserBrowser) => browser.open(await linkFor(token))
  return { ...gate, home, away, backend, tokenOf, call, list, linkFor, connected }
})

/** The address to open in an answer. */
export const linkIn = (text: string): string => /http:\/\/[\w.:]+\/oauth\/connect\?ticket=[\w-]+/u.exec(text)?.[0] ?? ""
