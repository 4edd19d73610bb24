/**
 * The composition root: the only file that names every layer. It takes a checked
 * manifest, listens, and keeps what runs equal to what the manifest wants.
 */
import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Path, type Scope } from "effect"
import { FetchHttpClient, HttpRouter, HttpServer } from "effect/http"
import { OwnTokens, type Plugin } from "#plugin"
import { Activity } from "./admin/Activity.ts"
import { routes } from "./admin/Api.ts"
import { Stopping } from "./admin/Stopping.ts"
import { LogLevels } from "./backend/LogLevels.ts"
import { layer as sandboxes } from "./backend/sandbox/Sandbox.node.ts"
import { Subscriptions } from "./backend/Subscriptions.ts"
import * as Children from "./backend/transport/Children.node.ts"
import { Catalogue } from "./catalogue/Catalogue.ts"
import { ArtifactCache } from "./host/ArtifactCache.ts"
import { Consents } from "./guard/Consents.ts"
import { Authentication, unavailable } from "./guard/Authentication.ts"
import { Base } from "./guard/Base.ts"
import { KEYS } from "./guard/Machines.ts"
import { type Opened, type Place, signingIn } from "./guard/SigningIn.ts"
import { Users } from "./guard/Users.ts"
import { egressLayer } from "./host/Egress.node.ts"
import { Locks, type LockRefused } from "./host/Locks.ts"
import { hostLayer } from "./host/Host.node.ts"
import { type BuildFailed, type ConfigRefused, Registry, type UnknownPlugin } from "./host/Registry.ts"
import { thirdPartyLayer } from "./host/ThirdParty.node.ts"
import { isLoopback } from "./lib/Loopback.ts"
import { auditOf } from "./manifest/AuditKey.ts"
import type { Change } from "./manifest/Diff.ts"
import { pathIn, SSE_PATH, WEBSOCKET_PATH } from "./manifest/Hosting.ts"
import type { Loaded } from "./manifest/Load.ts"
import type { Manifest } from "./manifest/Manifest.ts"
import { secretTexts } from "./manifest/Secrets.ts"
import { listen, serverIn } from "./mcp/Listener.node.ts"
import type { ListenFailed } from "./mcp/Server.node.ts"
import { Parking } from "./mcp/Parking.ts"
import { Sessions } from "./mcp/Sessions.ts"
import { serveStdio } from "./mcp/Stdio.node.ts"
import { metadataAddress } from "./oauth/Metadata.ts"
import { isPublic, oauthRoutes, oauthServices } from "./oauth/Routes.ts"
import { Terms } from "./oauth/server/Terms.ts"
import { Audit } from "./observe/Audit.ts"
import { auditLayer } from "./observe/Audit.node.ts"
import { Redaction, type Redactor } from "./observe/Redaction.ts"
import { Reconciler } from "./reconcile/Reconciler.ts"
import { Router } from "./router/Router.ts"
import { TaskIds } from "./router/TaskIds.ts"
import type { VaultFailed } from "./vault/KeyRing.ts"
import { ApiKeys } from "./vault/ApiKeys.ts"
import { SigningKeys } from "./vault/SigningKeys.ts"
import { signInsLayer } from "./vault/SignIns.ts"
import { Vault } from "./vault/Vault.ts"
import { vaultLayer } from "./vault/Vault.node.ts"

export interface GatewayOptions {
  readonly loaded: Loaded
  readonly builtIn: ReadonlyArray<Plugin.BuiltIn>
  readonly redactor: Redactor
  /** Whether nothing may run that the lock file does not say. */
  readonly frozen?: boolean
}

const services = ({ builtIn, frozen = false, loaded, redactor }: GatewayOptions, dataDirectory: string) => {
  const platform = Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer, egressLayer)
  const host = hostLayer({ directory: loaded.directory, dataDirectory })
  const cache = Layer.merge(ArtifactCache.layer(dataDirectory), Locks.layer({ directory: loaded.directory, dataDirectory, frozen }))
  const registry = Registry.layer(builtIn).pipe(Layer.provide(thirdPartyLayer))
  const consents = Layer.mergeAll(Consents.layer, SigningKeys.layer, signInsLayer, Users.layer).pipe(Layer.provideMerge(Base.layer))
  const catalogue = Layer.mergeAll(Catalogue.layer, LogLevels.layer, Subscriptions.layer)
  const { hosting: { vault } } = loaded.manifest
  const kept = vaultLayer({ directory: loaded.directory, dataDirectory, environment: process.env, vault })
  const router = Router.layer.pipe(Layer.provide(TaskIds.layer(dataDirectory)))
  const oauth = oauthServices(loaded.manifest.oauth_delegation.callback_path).pipe(Layer.provideMerge(Authentication.layer))
  const fronts = Layer.mergeAll(router, Sessions.layer, Parking.layer, Reconciler.layer, Stopping.layer, Activity.layer, Layer.succeed(Redaction, redactor))
  return fronts.pipe(
    Layer.provideMerge(registry),
    Layer.provideMerge(oauth),
    Layer.provideMerge(Layer.mergeAll(cache, catalogue, consents, Children.layer(dataDirectory), sandboxes)),
    Layer.provideMerge(kept),
    Layer.provideMerge(Layer.merge(host, auditLayer(dataDirectory, redactor))),
    Layer.provideMerge(platform)
  )
}

/** All services of a running gateway, built once. */
export const layer = (options: GatewayOptions) =>
  Layer.unwrap(Effect.map(Path.Path, (path) => {
    const { directory, manifest } = options.loaded
    return services(options, path.resolve(directory, manifest.hosting.data_directory))
  })).pipe(Layer.provide(NodeServices.layer))

export type GatewayServices = Layer.Success<ReturnType<typeof layer>>

/** A gateway that listens. */
export interface Serving {
  /** The address of the MCP endpoint. */
  readonly address: string
  /** Takes another manifest into force: what runs, and who may call. */
  readonly apply: (manifest: Manifest) => Effect.Effect<ReadonlyArray<Change>, SignInFailed>
}

export type SignInFailed = BuildFailed | ConfigRefused | Opened | UnknownPlugin

/** How long, in milliseconds, a token of the gateway's own is believed; one that was taken back is refused after it. */
const OWN_BELIEVED = 5000

const signIn = Effect.fnUntraced(function*(place: Place) {
  const registry = yield* Registry
  const keys = yield* ApiKeys
  const tokens = yield* OwnTokens
  return yield* signingIn<BuildFailed | ConfigRefused | UnknownPlugin>({
    place,
    own: () => ({ issuer: tokens.issuer(), believedFor: OWN_BELIEVED, validate: tokens.check, metadata: Effect.die("the gateway does not ask itself") }),
    decode: (name, config) => registry.decode("provider", name, config),
    keys: ({ secret }) =>
      keys.find(secret).pipe(
        Effect.map(({ expires, id, name, scopes }) => ({ issuer: KEYS, subject: id, scopes, claims: { name }, ...(expires === undefined ? {} : { expires: expires / 1000 }) })),
        Effect.catchTags({
          ApiKeyRefused: () => Effect.succeed(undefined),
          StoreFailed: (failure) => Effect.andThen(Effect.logWarning(failure.message), Effect.fail(unavailable))
        })
      )
  })
})

/** Listens and serves until the scope closes. */
export const serve = Effect.fn("Gateway.serve")(function*(
  { directory, manifest }: Loaded
): Effect.fn.Return<Serving, ListenFailed | LockRefused | SignInFailed | VaultFailed, GatewayServices | Scope.Scope> {
  const vault = yield* Vault
  // With the wrong key nothing starts, rather than each call failing for itself later.
  yield* vault.check
  yield* (yield* Locks).check
  const stopping = yield* Stopping
  const reconciler = yield* Reconciler
  const activity = yield* Activity
  const authentication = yield* Authentication
  const base = yield* Base
  const terms = yield* Terms
  const sessions = yield* Sessions
  const parking = yield* Parking
  const audit = yield* Audit
  const scope = yield* Effect.scope
  const { allowed_hosts, allowed_origins, base_url, drain, host, port, tls, transports } = manifest.hosting
  const scheme = tls === undefined ? "http" : "https"
  yield* Effect.addFinalizer(() => reconciler.stop)
  const callbackPath = manifest.oauth_delegation.callback_path
  const oauth = oauthRoutes({ callbackPath, endpoints: { main: transports.http.path, isServer: (path) => serverIn(path) !== undefined } })
  const admin = yield* HttpRouter.toHttpEffect(Layer.provide(Layer.mergeAll(routes, oauth), HttpServer.layerServices))
  const paths = {
    http: transports.http.path,
    sse: pathIn(transports.sse, SSE_PATH),
    websocket: pathIn(transports.websocket, WEBSOCKET_PATH)
  }
  const address = yield* listen({
    host,
    port,
    paths,
    base: base_url,
    tls: tls && { ...tls, directory },
    hosts: allowed_hosts,
    origins: allowed_origins,
    drain,
    isPublic: isPublic(callbackPath),
    stopping: stopping.begin,
    metadata: (path) => {
      const found = authentication.signInAt(path)
      return found === undefined ? undefined : metadataAddress(found.resource(path))
    },
    others: yield* NodeHttpServer.makeHandler(admin, { scope })
  })
  activity.counted(() => {
    const all = [...sessions.all()]
    const streams = all.filter(({ stream }) => stream !== undefined).length
    return { sessions: all.length, streams, parked: parking.count(), ...address.running() }
  })
  const authority = `${host.includes(":") ? `[${host}]` : host}:${address.port}`
  base.become(base_url ?? `${scheme}://${authority}`)
  const mayCall = yield* signIn({
    base: base.current,
    main: paths.http,
    open: isLoopback(host) ? undefined : host
  })
  const apply = Effect.fnUntraced(function*(next: Manifest) {
    const isLocal = next.master_oauth === undefined && !next.api_keys && next.hosting.tls?.client_ca === undefined
    if (isLocal) yield* mayCall(next)
    yield* audit.configure(auditOf(next))
    const changes = yield* reconciler.apply(next)
    // The provider may be a plugin that has just been loaded.
    if (!isLocal) yield* mayCall(next)
    terms.apply(next)
    return changes
  })
  yield* apply(manifest)
  if (paths.sse !== undefined) yield* Effect.logInfo(`HTTP+SSE at ${scheme}://${authority}${paths.sse}`)
  if (paths.websocket !== undefined) yield* Effect.logInfo(`WebSocket at ${tls === undefined ? "ws" : "wss"}://${authority}${paths.websocket}`)
  return { address: `${scheme}://${authority}${paths.http}`, apply }
})

/** Serves one client on standard input and output until that client is gone. */
export const serveOnStdio = serveStdio({ input: process.stdin, output: process.stdout })

/** Tells the redactor what is secret in a manifest. */
export const knowSecrets = (redactor: Redactor, { tree }: Loaded): void => redactor.know(secretTexts(tree))
