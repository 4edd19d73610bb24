/** Starts one form of a server: its loader, its replicas, and what each of them offers and tells. */
import { Effect, Exit, type FileSystem, type Path, Scope, Semaphore } from "effect"
import * as Instances from "../backend/Instance.ts"
import { LogLevels } from "../backend/LogLevels.ts"
import { isOfTask } from "../backend/Message.ts"
import { together } from "../backend/Replicas.ts"
import type { Sandboxes } from "../backend/sandbox/Sandbox.ts"
import type { Instance, Spec } from "../backend/Spec.ts"
import { Subscriptions } from "../backend/Subscriptions.ts"
import type { Children } from "../backend/transport/Children.ts"
import { type Announced, Catalogue } from "../catalogue/Catalogue.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { Listing } from "../catalogue/Listing.ts"
import type { Consents } from "../guard/Consents.ts"
import type { ArtifactCache } from "../host/ArtifactCache.ts"
import type { Locks } from "../host/Locks.ts"
import { isRecord } from "../lib/Record.ts"
import type { Host } from "../plugin/Host.ts"
import type { Loader } from "../plugin/Loader.ts"
import { dozing } from "./Dozing.ts"
import { type Found, targetOf } from "./Launching.ts"
import type { Running } from "./Managed.ts"
import { type Ask, withOwn } from "./OwnCredential.ts"
import * as Offers from "./Offer.ts"
import type { Unfit, Wanted } from "./Wanted.ts"

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

export interface Starting {
  readonly wanted: Wanted
  /** As the manifest has the server now, where that needs no other instance. */
  readonly now: () => Wanted
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
  /** Runs when what its loader watches has changed. */
  readonly outdated?: Effect.Effect<void>
  /** Whose it is, where it is one user's. */
  readonly onListed?: () => Effect.Effect<void>
}

/** Builds the loader and starts an instance, or as many as the manifest wants, in a scope of its own below `parent`. */
export const start = Effect.fnUntraced(function*(starting: Starting): Effect.fn.Return<Running, Unfit, InstanceServices> {
  const { generation, makeRoom, now, outdated, parent, wanted } = starting
  const scope = yield* Scope.fork(parent)
  let found: Found | undefined
  const build = Effect.gen(function*() {
    const loader = yield* wanted.loader.build
    if (loader.swap === "stop_first" || wanted.entry.config.port !== undefined) yield* makeRoom
    const oneByOne = Semaphore.makeUnsafe(1)
    const one = (index: number) => replica(starting, { index, loader, oneByOne, found: (now) => found = now })
    const { replicas } = wanted.entry
    const lead = yield* one(0)
    const others = replicas === 1 ? [] : yield* Effect.forEach(Array.from({ length: replicas - 1 }, (_, at) => at + 1), one)
    const instance = replicas === 1
      ? lead.instance
      : together(wanted.entry.id, lead.instance, others.map(({ instance }) => instance), () => now().balance)
    yield* Effect.forkScoped(dozing(instance, () => now().idleStop))
    // What replaces it may end it, and with it all that runs in its scope.
    if (loader.changed !== undefined && outdated !== undefined) {
      yield* Effect.forkIn(Effect.andThen(loader.changed, Effect.forkIn(outdated, parent)), scope)
    }
    const offer = replicas === 1 ? lead.offer : Offers.firstOf([lead, ...others])
    return { wanted, generation, instance, offer, scope, found: () => found }
  })
  return yield* build.pipe(
    Scope.provide(scope),
    Effect.annotateLogs({ generation }),
    Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
  )
})

interface One {
  readonly index: number
  readonly loader: Loader
  /** Two replicas do not resolve at once, which could find two versions. */
  readonly oneByOne: Semaphore.Semaphore
  readonly found: (found: Found) => void
}

const replica = Effect.fnUntraced(function*(
  { listed, now, onListed, own, publish, unauthorized, wanted }: Starting,
  { found, index, loader, oneByOne }: One
): Effect.fn.Return<{ readonly instance: Instance; readonly offer: Offers.Offer }, never, InstanceServices | Scope.Scope> {
  const subscriptions = yield* Subscriptions
  const catalogue = yield* Catalogue
  const levels = yield* LogLevels
  const context = yield* Effect.context<InstanceServices>()
  const fork = Effect.runForkWith(context)
  const { entry } = wanted
  const id = entry.id
  const number = entry.replicas === 1 ? undefined : index
  const listedAnew = onListed ?? ((kinds: ReadonlySet<Kind>) => publish({ server: id, kinds }))
  const offer = Offers.make(id, wanted.hiddenText, index === 0 ? listedAnew : () => publish(), listed)
  const instance = yield* Effect.annotateLogs(Instances.make({
    id,
    isShared: entry.sharing === "shared",
    target: (announce) =>
      Effect.flatMap(
        oneByOne.withPermit(Effect.provideContext(targetOf(entry, loader, { announce, found, index }), context)),
        (target) => withOwn(id, target, own())
      ),
    welcome: offer.start,
    notified: (method, text) => {
      if (method === "notifications/resources/updated") tellUpdated(catalogue, id, text)
      else if (isOfTask(method) || method === "notifications/elicitation/complete") tellOf(catalogue, { server: id, replica: number }, text)
      else fork(Effect.annotateLogs(offer.renew(method), { server: id }))
    },
    watched: () => subscriptions.wanted(id, number),
    logLevel: levels.wanted,
    // What is one user's ends when that user is away.
    health: onListed === undefined ? () => now().health : undefined,
    ...(unauthorized === undefined ? {} : { unauthorized }),
    changed: () => fork(onListed === undefined ? publish() : Effect.void)
  }), number === undefined ? {} : { replica: number + 1 })
  return { instance, offer }
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
const tellOf = (catalogue: Catalogue["Service"], from: { readonly server: string; readonly replica: number | undefined }, text: string) => {
  const message: unknown = JSON.parse(text)
  const params = isRecord(message) && isRecord(message["params"]) ? message["params"] : {}
  const { elicitationId, taskId } = params
  if (typeof taskId === "string") catalogue.tell({ _tag: "Task", ...from, id: taskId, text })
  if (typeof elicitationId === "string") catalogue.tell({ _tag: "Elicited", id: elicitationId, text })
}
