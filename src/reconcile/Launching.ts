/** From a loader to something that can be opened: resolve, prepare, launch, and what the manifest adds to it. */
import { Effect, FileSystem, Path, Record, Redacted } from "effect"
import type { Target } from "../backend/Opened.ts"
import { enclosing, lacking, limitsOf, prepared } from "../backend/sandbox/Preparing.ts"
import { Sandboxes } from "../backend/sandbox/Sandbox.ts"
import type { Endpoint } from "../backend/transport/Http.node.ts"
import type { Command } from "../backend/transport/Stdio.node.ts"
import { demanding } from "../host/Demands.ts"
import { isPinned, Locks } from "../host/Locks.ts"
import type { ServerEntry } from "../manifest/Server.ts"
import { Host } from "../plugin/Host.ts"
import { type Http, LoadFailed, type Loader, type Resolved, type Stdio, type Wanted } from "../plugin/Loader.ts"

/** What a source came to, for the status. */
export interface Found {
  readonly source: string
  /** What was found out about its code and why it runs so; of what had to be found out. */
  readonly detected?: string
  /** What separates it from the machine, really; nothing where nothing does. */
  readonly sandbox?: string
}

export interface Telling {
  readonly announce: (phase: "resolving" | "preparing") => void
  readonly found: (found: Found) => void
  /** Which of the replicas it is for; each has a port of its own. */
  readonly index: number
}

export const targetOf = Effect.fnUntraced(function*(written: ServerEntry, unbound: Loader, { announce, found, index }: Telling) {
  const entry = ofReplica(written, index)
  const loader = demanding(unbound, entry)
  announce("resolving")
  const locks = yield* Locks
  const asked = yield* locks.answer(entry.id, entry, loader)
  announce("preparing")
  const { directory, resolved } = yield* prepared(entry, loader, asked)
  yield* locks.keep(entry.id, entry, isPinned(loader, resolved) ? { ...resolved, pin: resolved.pin ?? {} } : resolved)
  const launch = yield* loader.launch(directory, resolved, wantedOf(entry))
  const isEnclosed = entry.sandbox.mode !== "none"
  if (launch._tag === "Http") {
    found({ source: resolved.source })
    if (!isReached(entry)) return yield* notStarted(resolved)
    return isEnclosed ? yield* pointless(resolved, "it runs elsewhere") : yield* remote(entry, launch, resolved)
  }
  if (isEnclosed && launch.after !== undefined) return yield* pointless(resolved, "it has a container of its own")
  const { inForce, target } = yield* launched(entry, launch, resolved, directory)
  const { detected } = launch
  found({ source: resolved.source, ...(detected === undefined ? {} : { detected }), ...(inForce === undefined ? {} : { sandbox: inForce }) })
  return target
})

const ofReplica = (entry: ServerEntry, index: number): ServerEntry => {
  const { port } = entry.config
  return port === undefined || index === 0 ? entry : { ...entry, config: { ...entry.config, port: port + index } }
}

/** `check` knows the loaders of the gateway; one of a plugin may turn out to start nothing. */
const isReached = ({ idle_stop, replicas }: ServerEntry): boolean => replicas === 1 && idle_stop === undefined

const notStarted = ({ source }: Resolved) =>
  new LoadFailed({ source, step: "start it", cause: new Error("replicas and idle_stop are for servers that the gateway starts, and this one is reached at an address: leave them out") })

const pointless = ({ source }: Resolved, why: string) => lacking(source)({ why, next: "leave sandbox out" })

const wantedOf = ({ config: { environment, headers, port, working_directory }, limits }: ServerEntry): Wanted => ({
  environment: Object.keys(environment),
  headers: Object.keys(headers).map((name) => name.toLowerCase()),
  ...(port === undefined ? {} : { port }),
  ...(working_directory === undefined ? {} : { workingDirectory: working_directory }),
  limits: limitsOf(limits)
})

const launched = Effect.fnUntraced(function*(entry: ServerEntry, launch: Stdio, resolved: Resolved, fetched: string) {
  const path = yield* Path.Path
  const host = yield* Host
  const files = yield* FileSystem.FileSystem
  const home = path.join(host.workspace, "..", "servers", entry.id)
  yield* files.makeDirectory(home, { recursive: true, mode: 0o700 }).pipe(
    Effect.mapError((cause) => new LoadFailed({ source: resolved.source, step: "make its private folder", cause }))
  )
  const { args, environment, port, working_directory } = entry.config
  // What a server keeps belongs there: its code is remade when it is no longer what was fetched.
  const filled = (text: string) => text.replaceAll("{home}", home)
  const own = { ...childEnvironment(host.environment, home), ...launch.environment }
  const plain: Command = {
    command: launch.command,
    args: [...launch.args, ...args.map(filled)].map((arg) => port === undefined ? arg : arg.replaceAll("{port}", String(port))),
    environment: { ...own, ...Record.map(launch.inputs ?? {}, Redacted.value), ...Record.map(environment, filled), ...(port === undefined ? {} : { PORT: String(port) }) },
    directory: working_directory === undefined
      ? launch.directory ?? host.directory
      : path.resolve(host.directory, working_directory),
    // What runs afterwards is written down, so it gets nothing of the manifest's environment.
    ...(launch.after === undefined ? {} : { after: [{ ...launch.after, environment: own }] })
  }
  const { command, inForce } = yield* (yield* Sandboxes).enclose(plain, {
    // A container has its limits from its loader.
    ...enclosing(launch.after === undefined ? entry : { ...entry, limits: {} }, resolved.source),
    code: [fetched, ...(launch.directory === undefined ? [] : [launch.directory])],
    own: [home],
    ...(port === undefined ? {} : { port }),
    isBuilder: false
  }).pipe(Effect.catchTag("Lacking", lacking(resolved.source)))
  if (port === undefined) return { inForce, target: { _tag: "Stdio", command } satisfies Target }
  const url = `http://127.0.0.1:${port}${entry.config.path}`
  const endpoint = yield* endpointOf(entry, { url }, resolved)
  return { inForce, target: { _tag: "Served", command, http: { _tag: "Http", transport: "auto", endpoint } } satisfies Target }
})

/** Nothing of the gateway's own environment but what finds programs and writes text. */
const childEnvironment = (host: Readonly<Record<string, string>>, home: string): Record<string, string> => ({
  PATH: host["PATH"] ?? "/usr/bin:/bin",
  LANG: host["LANG"] ?? "C.UTF-8",
  HOME: home
})

/** What `auto` leaves open is settled with the server, but for an address that only a WebSocket can have. */
const remote = (entry: ServerEntry, launch: Http, resolved: Resolved) =>
  Effect.map(endpointOf(entry, launch, resolved), (endpoint): Target => {
    const { transport } = launch
    const isWebSocket = transport === "websocket" || (transport === "auto" && /^wss?:$/u.test(endpoint.url.protocol))
    return isWebSocket ? { _tag: "WebSocket", endpoint } : { _tag: "Http", transport, endpoint }
  })

const endpointOf = (
  entry: ServerEntry,
  { headers, url }: Pick<Http, "headers" | "url">,
  { source }: Resolved
): Effect.Effect<Endpoint, LoadFailed> => {
  const address = URL.parse(url)
  if (address === null) return new LoadFailed({ source, step: "read its address", cause: new Error(`"${url}" is no URL`) })
  const all = Object.entries({ ...headers, ...entry.config.headers })
  const fixed = Object.fromEntries(all.map(([name, value]) => [name.toLowerCase(), Redacted.value(value)]))
  return Effect.succeed({ url: address, headers: fixed })
}
