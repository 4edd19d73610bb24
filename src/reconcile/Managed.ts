/**
 * One server under management: the instance that serves, and while the manifest
 * wants another form, the candidate that takes over when it is ready.
 */
import { type Duration, Effect, Exit, type FileSystem, type Path, Scope } from "effect"
import { isOfTask } from "../backend/Connection.ts"
import * as Instances from "../backend/Instance.ts"
import { LogLevels } from "../backend/LogLevels.ts"
import type { Spec } from "../backend/Spec.ts"
import type { Sandboxes } from "../backend/sandbox/Sandbox.ts"
import { Subscriptions } from "../backend/Subscriptions.ts"
import type { Children } from "../backend/transport/Children.ts"
import { type Announced, Catalogue, type Served } from "../catalogue/Catalogue.ts"
import type { Listing } from "../catalogue/Listing.ts"
import type { Part as Offered } from "../catalogue/Snapshot.ts"
import { Consents } from "../guard/Consents.ts"
import type { ArtifactCache } from "../host/ArtifactCache.ts"
import type { Locks } from "../host/Locks.ts"
import { isRecord } from "../lib/Record.ts"
import * as Slot from "../lib/Slot.ts"
import type { AuthStrategy } from "../plugin/Auth.ts"
import type { Host } from "../plugin/Host.ts"
import { type Found, targetOf } from "./Launching.ts"
import { type Ask, withOwn } from "./OwnCredential.ts"
import * as Offers from "./Offer.ts"
import type { Personal } from "./Personal.ts"
import { sameInstance, type Unfit, type Wanted } from "./Wanted.ts"

export type InstanceServices =
  | ArtifactCache
  | Catalogue
  | Children
  | Consents
  | FileSystem.FileSystem
  | Host
  | Locks
  | LogLevels
  | Path.Path
  | Sandboxes
  | Subscriptions

/** Publishes the catalogue anew. */
export type Publish = (announced?: Announced) => Effect.Effect<void>

/** An instance with what it was made from. */
export interface Running {
  readonly wanted: Wanted
  readonly generation: number
  readonly instance: Instances.Instance
  readonly offer: Offers.Offer
  readonly scope: Scope.Closeable
  /** What its source came to; not before it has. */
  readonly found: () => Found | undefined
}

/** An auth strategy with what it was made from. */
export interface Authorizing {
  readonly wanted: Wanted
  readonly strategy: AuthStrategy
  readonly scope: Scope.Closeable
  /** Ends that users can consent by it. */
  readonly withdraw: () => void
}

export interface Managed {
  readonly id: string
  readonly slot: Slot.Slot<Instances.Instance>
  /** The last good form; what it says about names, time limits and credentials is in force at once. */
  wanted: Wanted
  generation: number
  /** Built from the strategy's part of the manifest; another part replaces it without touching the instance. */
  auth: Authorizing | undefined
  serving: Running | undefined
  candidate: Running | undefined
  /** Where the credential is the user's own. */
  personal: { readonly serving: Personal; readonly scope: Scope.Closeable } | undefined
}

export const managed = (id: string, wanted: Wanted, drain: Duration.Duration, scope: Scope.Scope): Managed => ({
  id,
  slot: Slot.make(drain, scope),
  wanted,
  generation: 0,
  auth: undefined,
  serving: undefined,
  candidate: undefined,
  personal: undefined
})

export interface Starting {
  readonly wanted: Wanted
  readonly generation: number
  readonly parent: Scope.Scope
  readonly publish: Publish
  /** Runs before an instance that cannot overlap with the one before it: one fixed port, or a loader that says so. */
  readonly makeRoom: Effect.Effect<void>
  /** What the form before it offers. */
  readonly listed: Listing | undefined
  /** The credential for what it is asked beside calls; nothing where none is sent. */
  readonly own: () => Ask
  readonly unauthorized?: Spec["unauthorized"]
  /** Whose it is, where it is one user's. */
  readonly onListed?: () => Effect.Effect<void>
}

/** Builds the loader and starts an instance, in a scope of its own below `parent`. */
export const start = Effect.fnUntraced(function*(
  { generation, listed, makeRoom, onListed, own, parent, publish, unauthorized, wanted }: Starting
): Effect.fn.Return<Running, Unfit, InstanceServices> {
  const scope = yield* Scope.fork(parent)
  const subscriptions = yield* Subscriptions
  const catalogue = yield* Catalogue
  const levels = yield* LogLevels
  const id = wanted.entry.id
  let found: Found | undefined
  const build = Effect.gen(function*() {
    const loader = yield* wanted.loader.build
    if (loader.swap === "stop_first" || wanted.entry.config.port !== undefined) yield* makeRoom
    const context = yield* Effect.context<InstanceServices>()
    const offer = Offers.make(id, wanted.hiddenText, onListed ?? ((kinds) => publish({ server: id, kinds })), listed)
    const fork = Effect.runForkWith(context)
    const instance = yield* Instances.make({
      id,
      isShared: wanted.entry.sharing === "shared",
      target: (announce) =>
        Effect.flatMap(
          Effect.provideContext(targetOf(wanted.entry, loader, { announce, found: (now) => found = now }), context),
          (target) => withOwn(id, target, own())
        ),
      welcome: offer.start,
      notified: (method, text) => {
        if (method === "notifications/resources/updated") tellUpdated(catalogue, id, text)
        else if (isOfTask(method) || method === "notifications/elicitation/complete") tellOf(catalogue, id, text)
        else fork(Effect.annotateLogs(offer.renew(method), { server: id }))
      },
      watched: () => subscriptions.wanted(id),
      logLevel: levels.wanted,
      ...(unauthorized === undefined ? {} : { unauthorized }),
      changed: () => fork(onListed === undefined ? publish() : Effect.void)
    })
    return { wanted, generation, instance, offer, scope, found: () => found }
  })
  return yield* build.pipe(
    Scope.provide(scope),
    Effect.annotateLogs({ generation }),
    Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
  )
})

/** `notifications/resources/updated` of a backend, under the URI that clients know. */
const tellUpdated = (catalogue: Catalogue["Service"], id: string, text: string) => {
  const message: unknown = JSON.parse(text)
  const params = isRecord(message) ? message["params"] : undefined
  const uri = isRecord(params) ? params["uri"] : undefined
  if (typeof uri !== "string") return
  const owner = catalogue.current().snapshot.ownerOfUri(uri)
  catalogue.tell({ _tag: "Updated", uri: owner === undefined || owner.server === id ? uri : `${id}+${uri}`, server: id, own: uri })
}

/** What concerns only those who know the id in it. */
const tellOf = (catalogue: Catalogue["Service"], server: string, text: string) => {
  const message: unknown = JSON.parse(text)
  const params = isRecord(message) && isRecord(message["params"]) ? message["params"] : {}
  const { elicitationId, taskId } = params
  if (typeof taskId === "string") catalogue.tell({ _tag: "Task", server, id: taskId, text })
  if (typeof elicitationId === "string") catalogue.tell({ _tag: "Elicited", id: elicitationId, text })
}

/** What the server adds to the catalogue; nothing while it has never been ready or has failed for good. */
export const partOf = (server: Managed): ReadonlyArray<Offered> => {
  const { serving } = server
  return serving === undefined || serving.instance.state().isGivenUp === true ? [] : [offeredBy(server, serving.offer.listing(), serving)]
}

export const offeredBy = ({ id, wanted }: Managed, listing: Listing, running: Pick<Running, "offer"> | undefined): Offered => ({
  server: id,
  prefix: wanted.prefix,
  listing,
  capabilities: running?.offer.capabilities() ?? {},
  instructions: running?.offer.instructions()
})

export const servedBy = ({ auth, id, personal, serving, slot, wanted }: Managed): ReadonlyArray<Served> =>
  serving === undefined || auth === undefined ? [] : [{
    id,
    slot,
    strategy: auth.strategy,
    strategyName: auth.wanted.auth.name,
    timeout: wanted.timeout,
    sharing: wanted.entry.sharing,
    ...(personal === undefined ? {} : { personal: personal.serving })
  }]

/** Which of the two is what is wanted already. */
export const servedAlready = ({ candidate, serving }: Managed, wanted: Wanted): "serving" | "candidate" | undefined => {
  if (serving !== undefined && sameInstance(serving.wanted, wanted)) return "serving"
  return candidate !== undefined && sameInstance(candidate.wanted, wanted) ? "candidate" : undefined
}

/** Builds a strategy in a scope of its own below `parent`. */
export const authorize = Effect.fnUntraced(function*(wanted: Wanted, parent: Scope.Scope) {
  const consents = yield* Consents
  const scope = yield* Scope.fork(parent)
  const strategy = yield* wanted.auth.build.pipe(
    Scope.provide(scope),
    Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
  )
  const withdraw = strategy.consent === undefined ? () => {} : consents.offer(wanted.entry.id, strategy.consent)
  return { wanted, strategy, scope, withdraw }
})
