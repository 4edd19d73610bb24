/** What `replicas` and `idle_stop` need of a server: a process that the gateway starts, and for each replica a port of its own. */

interface Server {
  readonly id: string
  readonly type: string
  readonly sharing: "shared" | "per_principal" | "per_session"
  readonly replicas: number
  readonly idle_stop?: unknown
  readonly config: { readonly port?: number | undefined }
}

interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly issue: string
}

export const lifecycleIssues = ({ servers }: { readonly servers: ReadonlyArray<Server> }): ReadonlyArray<Issue> =>
  servers.flatMap((server, index) =>
    [...startedIssues(server), ...portIssues(server, servers)].map(({ issue, path }) => ({ path: ["servers", index, ...path], issue })))

const startedIssues = ({ config, idle_stop, replicas, sharing, type }: Server): ReadonlyArray<Issue> => {
  const isRemote = type === "remote"
  const several = replicas > 1 && isRemote
    ? "is for servers that the gateway starts: behind the address of a remote one its owner spreads the calls"
    : replicas > 1 && sharing !== "shared" && config.port === undefined
    ? `has no use with sharing ${sharing}: each ${sharing === "per_session" ? "session" : "user"} has a process of its own already`
    : undefined
  return [
    ...(several === undefined ? [] : [{ path: ["replicas"], issue: several }]),
    ...(isRemote && idle_stop !== undefined ? [{ path: ["idle_stop"], issue: "is for servers that the gateway starts: it cannot stop a remote one" }] : [])
  ]
}

/** Replicas have the ports from `config.port` on. */
const portIssues = ({ config: { port }, id, replicas }: Server, all: ReadonlyArray<Server>): ReadonlyArray<Issue> => {
  if (port === undefined || replicas === 1) return []
  const last = port + replicas - 1
  if (last > 65535) return [{ path: ["replicas"], issue: `need the ports ${port} to ${last}, and the last one there is is 65535` }]
  const other = all.find(({ config, id: otherId, replicas: others }) =>
    otherId !== id && config.port !== undefined && config.port <= last && config.port + others > port)
  return other === undefined ? [] : [{ path: ["replicas"], issue: `need the ports ${port} to ${last}, where "${other.id}" has one too` }]
}
