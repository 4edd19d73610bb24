/**
 * Takes a client's request to the server that owns the name in it, under that
 * server's credential and time limit, and brings back the answer as it was given.
 */
import { Context, Deferred, Effect, Exit, Layer } from "effect"
import { BackendFailed } from "../backend/BackendFailed.ts"
import type { Reply } from "../backend/Connection.ts"
import { TASKS } from "../backend/Era.ts"
import { ALONE, type Party } from "../backend/Party.ts"
import { Subscriptions, type Topic } from "../backend/Subscriptions.ts"
import { Catalogue, type Served } from "../catalogue/Catalogue.ts"
import { isConnect } from "../catalogue/ConnectTool.ts"
import type { Route } from "../catalogue/Snapshot.ts"
import { Audit } from "../observe/Audit.ts"
import { Tracing } from "../observe/Tracing.ts"
import type { Credential, Principal } from "../plugin/Auth.ts"
import { type CallFailed, Unrecorded } from "./CallFailed.ts"
import { decided, mayRead, refusalOf } from "./Deciding.ts"
import { relay, type Sent } from "./Relaying.ts"
import { ownerOf } from "../guard/Principals.ts"
import { type Caller, partyOf, type Request, type Sharer, stringParam } from "./Request.ts"
import { targetOf, taskTarget, UnknownName } from "./Target.ts"
import { TaskIds, type TaskRef } from "./TaskIds.ts"
import { refusal } from "./Rounds.ts"
import { type Note, noted, notedSubscription } from "./Noting.ts"
import { isTask, TASK_METHODS, taskIdIn, withTaskId } from "./Tasks.ts"

/** A task that somebody hears of. */
export interface Followed extends TaskRef {
  readonly stop: () => void
}

export class Router extends Context.Service<Router, {
  readonly call: (request: Request, caller: Caller) => Effect.Effect<Reply, CallFailed>
  /**
   * Counts one more client that wants to hear about a resource; gives how to take that back.
   * @param heard called where the client has a state of its own; what all share is told by the catalogue
   */
  readonly subscribe: (uri: string, caller: Sharer, heard: () => void) => Effect.Effect<() => void, UnknownName>
  /** Waits, for a moment, until the servers tell what was subscribed to. */
  readonly hears: Effect.Effect<void>
  /** The same as `subscribe` for a task of this principal, by its public id. */
  readonly follow: (publicId: string, principal: Principal) => Effect.Effect<Followed, UnknownName>
}>()("manifold/router/Router") {
  static readonly layer = Layer.effect(Router, Effect.gen(function*() {
    const catalogue = yield* Catalogue
    const subscriptions = yield* Subscriptions
    const ids = yield* TaskIds
    const isTraced = yield* Tracing
    const audit = yield* Audit
    const fork = Effect.runForkWith(yield* Effect.context<never>())

    const taskOf = Effect.fnUntraced(function*(request: Request, { principal }: Caller) {
      const publicId = stringParam(request, "taskId") ?? ""
      const task = yield* ids.open(ownerOf(principal), publicId)
      return task === undefined ? new UnknownName({ kind: "task", name: publicId.slice(0, 200) }) : taskTarget(request, task)
    })

    /** A name that nobody lists may be of a server that shows its lists to its own users alone. */
    const unlisted = Effect.fnUntraced(function*(unknown: UnknownName, request: Request, { principal, server }: Caller) {
      const mayBe = unknown.kind === "tool" || unknown.kind === "prompt"
      const personal = mayBe ? catalogue.current().personalOf(server, unknown.name, principal) : undefined
      if (personal === undefined) return yield* unknown
      const looked = Effect.map(personal.slotFor(principal), () => {
        const { at, snapshot: all } = catalogue.current()
        return targetOf(at(server, principal) ?? all, request)
      })
      const found = yield* looked
      if (!(found instanceof UnknownName)) return found
      // A reload may have taken away what had just been opened.
      const again = yield* looked
      return again instanceof UnknownName ? yield* again : again
    })

    const routed = Effect.fnUntraced(function*(request: Request, caller: Caller, note?: Note): Effect.fn.Return<Reply, CallFailed> {
      const snapshot = catalogue.current().at(caller.server, caller.principal)
      if (snapshot === undefined) return yield* notReady(caller.server ?? "")
      const isAboutTask = TASK_METHODS.has(request.method)
      const found = isAboutTask ? yield* taskOf(request, caller) : targetOf(snapshot, request)
      const target = found instanceof UnknownName ? yield* unlisted(found, request, caller) : found
      const { access, served } = catalogue.current()
      if (note !== undefined) note.target = target
      if (access !== undefined && !isConnect(target.definition)) {
        const deciding = { access, principal: caller.principal, request, target }
        const decision = decided(deciding)
        if (note !== undefined) note.decision = decision
        if (!decision.isAllowed) return yield* refusalOf(deciding, decision)
      }
      const server = served.get(target.server)
      if (server === undefined) return yield* notReady(target.server)
      const { personal } = server
      const isOwn = personal !== undefined && !personal.isShared()
      const slot = isOwn ? yield* personal.slotFor(caller.principal) : server.slot
      if (isConnect(target.definition)) return CONNECTED
      const sent: Sent = {}
      const usedOf = (slot: typeof server.slot) => slot.use(
        () => notReady(server.id),
        (instance) => relay({ caller, instance, request, sent, server, target })
      )
      const once = usedOf(slot)
      const elsewhere = isOwn ? Effect.flatMap(personal.slotFor(caller.principal), usedOf) : once
      const again = (failure: BackendFailed) =>
        isUntaken(failure)
          ? Effect.andThen(slot.current()?.recovered ?? Effect.void, elsewhere)
          : Effect.andThen(Effect.suspend(() => rejected(server, caller, failure, sent.credential)), once)
      const reply = yield* Effect.catchIf(once, isForAnother(server), again)
      if (reply.kind === "error" || reply.era === "legacy" || !(isAboutTask || isTask(reply.result))) return reply
      const id = taskIdIn(reply.result)
      if (id === undefined) return reply
      // No server may answer with a task to a client that did not say that it knows them.
      if (!isAboutTask && !caller.envelope.capabilities.includes(TASKS)) return refusal("The server answered with a task, which the client did not declare")
      return { ...reply, result: withTaskId(reply.result, yield* ids.seal(ownerOf(caller.principal), { server: server.id, id, replica: sent.replica })) }
    }, (effect, request) => isTraced ? Effect.withSpan(effect, request.method, { captureStackTrace: false }) : effect)

    const call = (request: Request, caller: Caller) =>
      Effect.suspend(() => {
        const recorder = audit.recorder()
        if (recorder === undefined) return routed(request, caller)
        const note: Note = { began: performance.now() }
        const published = catalogue.current()
        const run = recorder.isBlocking() ? Effect.fail(new Unrecorded()) : routed(request, caller, note)
        return Effect.onExit(run, (exit) => Effect.sync(() => noted({ caller, exit, note, published, recorder, request })))
      })

    const subscribe = (uri: string, caller: Sharer, heard: () => void) =>
      Effect.suspend(() => {
        const published = catalogue.current()
        const { served } = published
        const route = readable(uri, caller)
        const recorder = audit.recorder()
        if (recorder !== undefined) notedSubscription({ caller, published, recorder, route, uri })
        if (route === undefined) return Effect.fail(new UnknownName({ kind: "resource", name: uri }))
        const server = served.get(route.server)
        const party = partyOf(caller, server?.personal === undefined ? server?.sharing ?? "shared" : "per_principal")
        return party.sharer === undefined || party.sharer === ALONE
          ? Effect.succeed(count(route.server, { kind: "resource", name: route.name }))
          // What may not be read any more is not heard of either.
          : followed(route, party, { principal: caller.principal, heard: () => readable(uri, caller) === undefined ? undefined : heard() })
      })

    /** Where a URI leads for somebody who may read it. */
    const readable = (uri: string, { principal, server }: Pick<Caller, "principal" | "server">): Route | undefined => {
      const { access, at } = catalogue.current()
      const route = at(server, principal)?.ownerOfUri(uri)
      return route !== undefined && mayRead(access, principal, route) ? route : undefined
    }

    /** Follows the server's current instance, and again when that or the conversation is another. */
    const followed = ({ name, server }: Route, party: Party, { heard, principal }: { readonly heard: () => void; readonly principal: Principal }) => {
      const begun = Deferred.makeUnsafe<void>()
      const follower = { uri: name, heard, began: () => Deferred.doneUnsafe(begun, Exit.void) }
      const once = Effect.suspend(() => instanceFor(catalogue.current().served.get(server), principal)?.follow(party, follower) ?? Effect.void)
      const fiber = fork(Effect.forever(Effect.andThen(Effect.ignore(once), Effect.sleep("1 second"))))
      return Effect.as(Effect.timeoutOption(Deferred.await(begun), BEGINNING), () => fiber.interruptUnsafe())
    }

    const follow = Effect.fnUntraced(function*(publicId: string, principal: Principal): Effect.fn.Return<Followed, UnknownName> {
      const task = yield* ids.open(ownerOf(principal), publicId)
      const sees = task === undefined ? false : catalogue.current().access?.sightOf(principal).sees(task.server) ?? true
      if (task === undefined || !sees) return yield* new UnknownName({ kind: "task", name: publicId })
      return { ...task, stop: count(task.server, { kind: "task", name: task.id, replica: task.replica }) }
    })

    const count = (server: string, topic: Topic) => {
      subscriptions.add(server, topic)
      return () => subscriptions.remove(server, topic)
    }

    const hears = Effect.suspend(() =>
      Effect.forEach(catalogue.current().served.values(), ({ slot }) => slot.current()?.hears ?? Effect.void, {
        concurrency: "unbounded",
        discard: true
      }))

    return Router.of({ call, subscribe, follow, hears })
  }))
}

/** How long a subscription waits for a conversation of its own to begin. */
const BEGINNING = "5 seconds"

const notReady = (backend: string) => new BackendFailed({ backend, reason: "not_ready", detail: "is not running now", isUnsent: true })

/** A call that the backend did not take is made once more: it cannot run twice. */
const isUntaken = ({ isUnsent }: BackendFailed): boolean => isUnsent === true

/** Calls that are made once more: those that were not taken, for a credential too if the strategy has another. */
const isForAnother = ({ strategy }: Served) => (failure: CallFailed): failure is BackendFailed =>
  failure._tag === "BackendFailed" &&
  (isUntaken(failure) || (strategy.rejected !== undefined && (failure.status === 401 || failure.status === 403)))

const rejected = ({ strategy }: Served, { principal }: Caller, { scopes = [], status }: BackendFailed, sent: Credential | undefined) =>
  strategy.rejected?.(principal, { status: status === 403 ? 403 : 401, scopes, ...sent === undefined ? {} : { sent } }) ?? Effect.void

/** The instance that serves this principal right now. */
const instanceFor = (server: Served | undefined, principal: Principal) =>
  server?.personal === undefined || server.personal.isShared() ? server?.slot.current() : server.personal.current(principal)

const CONNECTED: Reply = {
  kind: "result",
  era: "legacy",
  result: Buffer.from(JSON.stringify({ content: [{ type: "text", text: "It is connected: list the tools again to see what it offers." }] }))
}
