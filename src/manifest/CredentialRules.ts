/** What a server's strategy needs of the rest of the manifest: somewhere to put a credential, and users who can get one. */
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import type { Issue } from "./SignInRules.ts"
import type { ServerEntry } from "./Server.ts"

interface Said {
  readonly api_keys?: boolean
  readonly master_oauth?: { readonly provider: string; readonly config: Readonly<Record<string, unknown>> } | undefined
  readonly authorization_server?: AuthorizationServer | undefined
  readonly servers: ReadonlyArray<Pick<ServerEntry, "auth_config" | "auth_strategy" | "config" | "enabled" | "source" | "type">>
}

type Entry = Said["servers"][number]

/** Strategies that always give a credential; one of a plugin may have other reasons to be there. */
const GIVING: ReadonlyArray<string> = ["master_oauth", "delegate_oauth", "proxy_oauth"]

/** What a provider needs for users to sign in with a browser, where it can do without. */
const FOR_BROWSERS: Readonly<Record<string, string>> = { oidc: "client_id", google: "client_secret" }

export const credentialIssues = (said: Said): ReadonlyArray<Issue> =>
  said.servers.flatMap((server, index) => {
    if (!server.enabled) return []
    const at = (...path: ReadonlyArray<string>) => ["servers", index, ...path]
    return [
      ...takesNone(server) ? [{ path: at("auth_strategy"), issue: "has nowhere to put a credential: it goes with HTTP requests, to a remote server or one with config.port" }] : [],
      ...consentIssues(said, server, at("auth_strategy"))
    ]
  })

/** A process on standard input and output, or a server over WebSocket. */
const takesNone = ({ auth_strategy, config, source, type }: Entry): boolean => {
  if (!GIVING.includes(auth_strategy)) return false
  if (type !== "remote") return (type === "local" || type === "npm") && config.port === undefined
  const { transport, url } = source
  return transport === "websocket" || (typeof url === "string" && /^wss?:/u.test(url))
}

const consentIssues = (said: Said, { auth_config, auth_strategy }: Entry, path: Issue["path"]): ReadonlyArray<Issue> => {
  if (auth_strategy === "proxy_oauth") return clientIssues(said, path)
  const isSignedIn = auth_strategy === "master_oauth" && auth_config["method"] === "id_jag"
  if (auth_strategy !== "delegate_oauth" && !isSignedIn) return []
  const { api_keys, master_oauth } = said
  if (master_oauth === undefined) {
    if (isSignedIn) return [{ path, issue: "needs master_oauth: with method id_jag users sign in at the gateway" }]
    // Without any sign-in whoever is on this machine is one user, who can consent.
    return api_keys === true ? [{ path, issue: "needs master_oauth: an API key has nobody who could consent" }] : []
  }
  const key = FOR_BROWSERS[master_oauth.provider]
  return key === undefined || key in master_oauth.config
    ? []
    : [{ path: ["master_oauth"], issue: `needs ${key}, the gateway's own client: users of ${auth_strategy} sign in with a browser` }]
}

const clientIssues = ({ authorization_server }: Said, path: Issue["path"]): ReadonlyArray<Issue> => {
  if (authorization_server === undefined) return [{ path, issue: "needs authorization_server, which says what clients may ask the gateway for a token" }]
  const { clients, registration } = authorization_server
  return clients.length > 0 || registration !== "off" ? [] : [{ path: ["authorization_server"], issue: "lets no client in: list clients, or choose a registration" }]
}
