/** A gateway before one server, for each way that it gets a credential for that server, with real authorization servers on both sides. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect, type Scope } from "effect"
import { type AuthorizationServer, authorizationServer, CLIENTS } from "./authorizationServer.ts"
import { type UserBrowser, userBrowser } from "./browser.ts"
import type { ClientEra } from "./client.ts"
import { linkIn } from "./consenting.ts"
import { freePort } from "./everything.ts"
import { type Gateway, gateway } from "./gateway.ts"
import { signedInClient } from "./mcpClient.ts"
import { type ResourceServer, resourceServer } from "./resourceServer.ts"

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

export const strategies = ["token_exchange", "client_credentials", "gateway_jwt", "id_jag", "delegate_oauth", "proxy_oauth"] as const
export type Strategy = typeof strategies[number]

/** A user at a client of the official SDK. */
export interface Caller {
  /** What the server's tool answered, or what was said instead. */
  readonly call: () => Promise<string>
  /** Opens the address that an answer names; false where it names none. */
  readonly consent: (said: string) => Promise<boolean>
}

export interface Behind {
  readonly gate: Gateway
  readonly backend: ResourceServer
  /** Signs users in at the gateway. */
  readonly home: AuthorizationServer
  /** Gives the tokens that the backend takes; the same as `home` for token exchange. Absent where the gateway does. */
  readonly away: AuthorizationServer | undefined
  readonly caller: (user: string) => Promise<Caller>
}

const browserClient = (client_id: string, path: string, ...grants: ReadonlyArray<string>) => ({
  client_id,
  client_secret: `${client_id}-secret`,
  application_type: "native" as const,
  redirect_uris: [`http://127.0.0.1${path}`],
  grant_types: ["authorization_code", "refresh_token", ...grants]
})

const home = authorizationServer({ more: { clients: [browserClient("gate", "/oauth/callback", EXCHANGE)] } })
const forUsers = authorizationServer({ more: { clients: [browserClient("gate-there", "/oauth/callback/back")] } })
const forAssertions = (trusts: string) =>
  authorizationServer({ trusts, more: { clients: [{ client_id: "gate-there", client_secret: "gate-there-secret", redirect_uris: [], response_types: [], grant_types: [BEARER] }] } })

const awayFor = (strategy: Strategy, at: AuthorizationServer): Effect.Effect<AuthorizationServer | undefined, never, Scope.Scope> => {
  switch (strategy) {
    case "gateway_jwt":
      return Effect.succeed(undefined)
    case "id_jag":
      return forAssertions(at.issuer)
    case "delegate_oauth":
    case "proxy_oauth":
      return forUsers
    default:
      return Effect.succeed(at)
  }
}

const partFor = (strategy: Strategy, { issuer = "" }: Partial<AuthorizationServer>, audience: string, at: AuthorizationServer) => {
  const there = { issuer, client_id: "gate-there", client_secret: "gate-there-secret" }
  const service = { issuer, client_id: CLIENTS.service.id, client_secret: CLIENTS.service.secret }
  const master = (more: object) => ({ auth_strategy: "master_oauth", auth_config: { method: strategy, audience, scopes: ["mcp"], ...more } })
  switch (strategy) {
    case "delegate_oauth":
    case "proxy_oauth":
      return { auth_strategy: strategy, auth_config: { ...there, scopes: ["mcp", "offline_access"] } }
    case "id_jag":
      return master({ ...there, idp: { issuer: at.issuer, client_id: "gate", client_secret: "gate-secret" } })
    case "gateway_jwt":
      return master({})
    default:
      return master(service)
  }
}

export const behind = Effect.fnUntraced(function*(strategy: Strategy, era: ClientEra): Effect.fn.Return<Behind, never, Scope.Scope> {
  const at = yield* home
  const away = yield* awayFor(strategy, at)
  const port = yield* freePort
  const backend = away === undefined ? yield* resourceServer(`http://127.0.0.1:${port}`, "modern", "/oauth/jwks") : yield* resourceServer(away.issuer)
  const isProxied = strategy === "proxy_oauth"
  const gate = yield* gateway({
    master_oauth: { provider: "oidc", issuer: at.issuer, client_id: "gate", client_secret: "gate-secret" },
    ...(isProxied ? { authorization_server: { clients: [{ client_id: "desk", client_name: "Desk", redirect_uris: ["http://127.0.0.1/callback"] }] } } : {}),
    servers: [{ id: "back", type: "remote", url: backend.url, ...partFor(strategy, away ?? {}, backend.url, at) }]
  }, { port, args: ["--log-level", "debug"] })

  const caller = async (user: string): Promise<Caller> => {
    const browser = userBrowser(user)
    const client = isProxied ? await proxied(gate, era, browser) : await direct(gate, era, (await Effect.runPromise(at.forUser(user, { audience: gate.url }))).access_token)
    const call = () => client.callTool({ name: isProxied ? "who" : "back__who", arguments: {} }).then(textIn, String)
    const consent = async (said: string) => {
      const link = linkIn(said)
      return link !== "" && (await browser.open(link)).html.includes("is connected")
    }
    return { call, consent }
  }
  return { gate, backend, home: at, away, caller }
})

const proxied = async (gate: Gateway, era: ClientEra, browser: UserBrowser): Promise<Client> => {
  const url = `${new URL(gate.url).origin}/servers/back/mcp`
  return (await signedInClient({ url, era, browser, clientId: "desk" })).client
}

const direct = async (gate: Gateway, era: ClientEra, token: string): Promise<Client> => {
  const client = new Client({ name: "strategies", version: "1.0.0" }, { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } } })
  await client.connect(new StreamableHTTPClientTransport(new URL(gate.url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
  return client
}

const textIn = ({ content }: Awaited<ReturnType<Client["callTool"]>>): string => {
  const [first] = Array.isArray(content) ? content : []
  return first?.type === "text" ? first.text : JSON.stringify(content)
}
