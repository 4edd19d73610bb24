/**
 * What a server's auth strategy needs of the rest of the manifest: an address that a credential can go to, users who
 * can be told from each other in a browser, and for the gateway's own tokens clients that may have them.
 */
import type { AuthorizationServer } from "./AuthorizationServer.ts"

interface Server {
  readonly id: string
  readonly type: string
  readonly auth_strategy: string
  readonly auth_config: Readonly<Record<string, unknown>>
  readonly config: { readonly port?: number | undefined }
  readonly source: Readonly<Record<string, unknown>>
}

interface Said {
  readonly api_keys: boolean
  readonly master_oauth?: { readonly provider: string; readonly config: Readonly<Record<string, unknown>> } | undefined
  readonly authorization_server?: AuthorizationServer | undefined
  readonly servers: ReadonlyArray<Server>
}

interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly issue: string
}

/**
 * Loaders of ours that start a process, which speaks on its standard streams where it has no port; and the one that may,
 * whose addresses stand in no manifest.
 */
const LAUNCHED: ReadonlySet<string> = new Set(["npm", "git", "pypi", "docker", "local", "mcpb", "registry"])

/** Strategies of ours whose credential is the user's own. */
const PERSONAL: ReadonlySet<string> = new Set(["delegate_oauth", "proxy_oauth"])

/** Strategies of ours that give a credential; one of a plugin may be there to refuse callers. */
const GIVING: ReadonlySet<string> = new Set([...PERSONAL, "master_oauth"])

/** What providers of ours need for users to sign in with a browser. */
const FOR_BROWSERS: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["oidc", ["client_id"]],
  ["github", ["client_id"]],
  // Google wants a secret of every client that is a web application.
  ["google", ["client_id", "client_secret"]]
])

export const strategyIssues = (said: Said): ReadonlyArray<Issue> =>
  said.servers.flatMap((server, index) =>
    [...addressIssues(server), ...browserIssues(said, server), ...ownTokenIssues(said, server)]
      .map(({ issue, path }) => ({ path: ["servers", index, ...path], issue })))

const addressIssues = ({ auth_strategy, config, source, type }: Server): ReadonlyArray<Issue> => {
  if (GIVING.has(auth_strategy) && type === "remote" && isWebSocket(source)) {
    return [{ path: ["auth_strategy"], issue: "has no way to a server over WebSocket: a credential goes with HTTP requests" }]
  }
  if (!LAUNCHED.has(type) || !GIVING.has(auth_strategy)) return []
  if (PERSONAL.has(auth_strategy)) {
    return [{ path: ["auth_strategy"], issue: `"${auth_strategy}" is for servers that are reached at an address of their own (type remote), which its users' tokens are for` }]
  }
  if (config.port !== undefined) return []
  if (type === "registry") return [{ path: ["auth_strategy"], issue: "needs the server's address in the manifest: write type remote with its url, or config.port for one that serves HTTP" }]
  return [{ path: ["auth_strategy"], issue: "has no way to a server that speaks on its standard streams: write bypass_auth, or config.port for one that serves HTTP" }]
}

const isWebSocket = ({ transport, url }: Server["source"]): boolean =>
  transport === "websocket" || (typeof url === "string" && /^wss?:/u.test(url))

const needsBrowser = ({ auth_config, auth_strategy }: Server): boolean =>
  PERSONAL.has(auth_strategy) || (auth_strategy === "master_oauth" && auth_config["method"] === "id_jag")

/** Who opens an address has to be who called, which signing in with a browser shows. */
const browserIssues = ({ api_keys, master_oauth }: Said, server: Server): ReadonlyArray<Issue> => {
  if (!needsBrowser(server)) return []
  const issue = (text: string) => [{ path: ["auth_strategy"], issue: text }]
  if (master_oauth === undefined) {
    if (server.auth_strategy === "proxy_oauth" || (server.auth_strategy === "delegate_oauth" && !api_keys)) return []
    return issue("needs master_oauth: users sign in with a browser to consent, and API keys have none")
  }
  const needed = FOR_BROWSERS.get(master_oauth.provider) ?? []
  if (needed.every((key) => key in master_oauth.config)) return []
  return issue("needs master_oauth.client_id and client_secret: users sign in with a browser to consent")
}

const ownTokenIssues = ({ authorization_server, master_oauth }: Said, { auth_config, auth_strategy }: Server): ReadonlyArray<Issue> => {
  if (auth_strategy !== "proxy_oauth") return []
  const issue = (text: string) => [{ path: ["auth_strategy"], issue: text }]
  if (authorization_server === undefined) return issue("needs authorization_server, which says which clients may have the gateway's own tokens")
  if (authorization_server.clients.length === 0 && authorization_server.registration === "off") {
    return issue("has no client that could authorize: list one in authorization_server.clients, or set its registration")
  }
  const scopes = auth_config["scopes"]
  const saysWho = Array.isArray(scopes) && scopes.includes("openid")
  return master_oauth !== undefined || saysWho
    ? []
    : issue("has nobody who says who its users are: set master_oauth, or ask for the scope openid in auth_config.scopes")
}
