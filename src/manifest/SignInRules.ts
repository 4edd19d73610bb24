/** What the parts of the manifest about sign-in say of each other: who gives tokens, who signs users in, and where that has to be reached. */
import { isLoopback } from "../lib/Loopback.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"

/** The provider whose tokens are the gateway's own. */
export const OWN_PROVIDER = "gateway"

interface Said {
  readonly master_oauth?: { readonly provider: string; readonly audience?: string } | undefined
  readonly authorization_server?: AuthorizationServer | undefined
  readonly hosting: { readonly host: string; readonly base_url?: string }
  readonly servers: ReadonlyArray<{ readonly auth_strategy: string; readonly auth_config?: unknown }>
}

interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly issue: string
}

export const signInIssues = (said: Said): ReadonlyArray<Issue> => {
  const { authorization_server: server, master_oauth } = said
  const isOwn = master_oauth?.provider === OWN_PROVIDER
  return [...isOwn ? issuesOfOwn(said) : issuesOfOthers(said), ...server === undefined ? [] : issuesOfClients(server)]
}

const issuesOfOwn = ({ authorization_server, hosting, master_oauth, servers }: Said): ReadonlyArray<Issue> => {
  const upstream = authorization_server?.upstream
  const exchanges = servers.flatMap((server, index) => isExchange(server) ? [index] : [])
  return [
    ...upstream === undefined ? [{ path: ["master_oauth", "provider"], issue: "needs authorization_server.upstream, which says who signs users in" }] : [],
    ...upstream !== undefined && !("client_id" in upstream.config)
      ? [{ path: ["authorization_server", "upstream"], issue: "needs client_id, the gateway's own client there" }]
      : [],
    ...upstream?.provider === OWN_PROVIDER
      ? [{ path: ["authorization_server", "upstream", "provider"], issue: "has to be another one: the gateway knows no users of its own" }]
      : [],
    ...master_oauth?.audience === undefined
      ? []
      : [{ path: ["master_oauth", "audience"], issue: "cannot be chosen with provider gateway: its tokens are for the address of an endpoint" }],
    ...isLoopback(hosting.host) || hosting.base_url !== undefined
      ? []
      : [{ path: ["master_oauth", "provider"], issue: "needs hosting.base_url, the https address that clients know the gateway by" }],
    ...exchanges.map((index) => ({
      path: ["servers", index, "auth_config", "method"],
      issue: "has no token to exchange: with provider gateway callers come with tokens that only the gateway takes"
    }))
  ]
}

const isExchange = ({ auth_config, auth_strategy }: Said["servers"][number]): boolean =>
  auth_strategy === "master_oauth" && typeof auth_config === "object" && auth_config !== null && "method" in auth_config &&
  auth_config.method === "token_exchange"

const issuesOfOthers = ({ authorization_server: server, servers }: Said): ReadonlyArray<Issue> => {
  if (server === undefined) return []
  if (server.upstream !== undefined) {
    return [{ path: ["authorization_server", "upstream"], issue: "is only for master_oauth with provider gateway; users sign in where master_oauth says" }]
  }
  return servers.some(({ auth_strategy }) => auth_strategy === "proxy_oauth") ? [] : [{
    path: ["authorization_server"],
    issue: "gives tokens that nothing takes: it is for master_oauth with provider gateway, and for servers with proxy_oauth"
  }]
}

const issuesOfClients = ({ clients }: AuthorizationServer): ReadonlyArray<Issue> => {
  const ids = clients.map(({ client_id }) => client_id)
  return ids.flatMap((id, index) => ids.indexOf(id) === index ? [] : [{ path: ["authorization_server", "clients", index, "client_id"], issue: "is the name of another client already" }])
}
