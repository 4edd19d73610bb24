/**
 * Makes what runs be what the manifest wants. Each server changes on its own and
 * fails alone; an instance serves until its successor is ready; after each change
 * one new catalogue is published. Applying the same manifest twice changes nothing.
 */
import { Clock, Context, type Duration, Effect, Equal, Exit, Layer, Option, Scope, Semaphore } from "effect"
import { LogLevels } from "../backend/LogLevels.ts"
import { Subscriptions } from "../backend/Subscriptions.ts"
import { Catalogue } from "../catalogue/Catalogue.ts"
import type { Kind } from "../catalogue/Definition.ts"
import { Locks } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import { type Change, diff } from "../manifest/Diff.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import { authorize, type Managed, managed, type Running, servedAlready, servedBy, serves } from "./Managed.ts"
import { Consents } from "../guard/Consents.ts"
import type { Principal } from "../plugin/Auth.ts"
import { askingFor, consented, depersonalize, forgetsUsers, personalize } from "./Personalizing.ts"
import { seenBy } from "../catalogue/Seen.ts"
import { type Access, accessOf } from "../guard/Access.ts"
import { Users } from "../guard/Users.ts"
import { Audit } from "../observe/Audit.ts"
import { type Sights, sights } from "./Sights.ts"
import type { GatewayStatus } from "./Status.ts"
import { type InstanceServices, type Publish, start } from "./Starting.ts"
import { type Refusal, statusOf } from "./StatusOf.ts"
import { type Lending, sameInstance, sameStrategy, type Unfit, type Wanted, wantedOf } from "./Wanted.ts"

export class Reconciler extends Context.Service<Reconciler, {
  /** Takes a valid manifest into force; gives what changes. Servers come up in the background. */
  readonly apply: (manifest: Manifest) => Effect.Effect<ReadonlyArray<Change>>
  /** Remembers that the newest manifest is not in force, and why. */
  readonly reject: (problems: ReadonlyArray<string>) => Effect.Effect<void>
  readonly status: () => GatewayStatus
  /** The manifest in force. */
  readonly manifest: () => Manifest | undefined
  /** Whether every required server serves. */
  readonly isReady: () => boolean
  /** Stops every server, each within its drain time. */
  readonly stop: Effect.Effect<void>
}>()("manifold/reconcile/Reconciler") {
  static readonly layer = Layer.effect(Reconciler, Effect.gen(function*() {
    const catalogue = yield* Catalogue
    const registry = yield* Registry
    const subscriptions = yield* Subscriptions
    const levels = yield* LogLevels
    const consents = yield* Consents
    const users = yield* Users
    const locks = yield* Locks
    const audit = yield* Audit
    const scope = yield* Effect.scope
    const context = yield* Effect.context<InstanceServices | Lending | Registry>()
    const lock = Semaphore.makeUnsafe(1)
    const oneAtATime = <A, E>(effect: Effect.Effect<A, E, InstanceServices | Lending | Registry>) => lock.withPermit(Effect.uninterruptible(Effect.provideContext(effect, context)))
    const servers = new Map<string, Managed>()
    let current: Manifest | undefined
    let access: Access | undefined
    const seen = seenBy()
    let generation = 0
    let verdict: GatewayStatus["manifest"] = { state: "applied", since: new Date(0).toISOString(), problems: [] }
    let plugins: ReadonlyArray<string> = []
    let sight: Sights | undefined, lockStamp = ""

    const publish: Publish = (announced) => Effect.suspend(() => {
      if (current === undefined) return Effect.void
      const inOrder = current.servers.flatMap(({ id }) => servers.get(id) ?? [])
      const { max_name_length: longest, separator } = current.aggregation
      const known = current.servers.filter(({ enabled }) => enabled).map(({ id }) => id)
      sight = sights({ access, inOrder, known, rules: { separator, longest }, seen })
      return catalogue.publish({
        ...sight,
        generation,
        served: new Map(inOrder.flatMap(servedBy).map((served) => [served.id, served]))
      }, announced)
    })

    const changed = (principal: Principal, kinds: ReadonlySet<Kind>) => sight?.changed(principal, kinds, catalogue)

    const serve = (server: Managed, running: Running) =>
      Effect.suspend(() => {
        server.serving = running
        if (server.candidate === running) server.candidate = undefined
        return Effect.andThen(server.slot.replace(running.instance, running.scope), publish())
      })

    const dropCandidate = (server: Managed) =>
      Effect.suspend(() => {
        const { candidate } = server
        server.candidate = undefined
        return candidate === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(Scope.close(candidate.scope, Exit.void), scope))
      })

    /** Starts the wanted form beside the old one, or after it where the two cannot overlap. */
    const launch = Effect.fnUntraced(function*(server: Managed, wanted: Wanted, generation: number): Effect.fn.Return<void, Unfit, InstanceServices> {
      yield* dropCandidate(server)
      const before = server.serving
      let hasRoom = before === undefined
      const makeRoom = Effect.suspend(() => {
        if (hasRoom) return Effect.void
        hasRoom = true
        return server.slot.vacate
      })
      const again = Effect.andThen(Effect.logInfo("its source has changed: it is started anew"), launch(server, wanted, generation)).pipe(
        Effect.catch(({ message }) => Effect.logError(message)),
        Effect.annotateLogs({ server: server.id })
      )
      // One that is being replaced already says nothing of its source.
      const isNewest = () => servers.get(server.id) === server && (server.candidate ?? server.serving) === running
      const outdated = oneAtATime(Effect.suspend(() => isNewest() ? again : Effect.void))
      // What the old form offers stays listed until the new one has said what it offers.
      const running: Running = yield* start({ wanted, now: () => server.wanted, generation, parent: scope, publish, makeRoom, outdated, listed: before?.offer.listing(), ...askingFor(server) }).pipe(
        Effect.tapError(() => Effect.sync(() => hasRoom ? server.serving = undefined : undefined))
      )
      if (hasRoom) return yield* serve(server, running)
      server.candidate = running
      const takeOver = Effect.suspend(() => server.candidate === running ? serve(server, running) : Effect.void)
      yield* Effect.forkIn(Effect.andThen(running.instance.ready, takeOver), running.scope)
    })

    /** What is already there is kept; a change of the manifest is a reason to try at once what is waiting to. */
    const keep = Effect.fnUntraced(function*(server: Managed, which: "serving" | "candidate") {
      if (which === "serving") yield* dropCandidate(server)
      const instance = server[which]?.instance
      const phase = instance?.state().phase
      if (instance !== undefined && (phase === "failed" || phase === "degraded")) yield* instance.retryNow
    })

    /** The old strategy is closed when the calls that may still ask it have had their drain time. */
    const authorizeAnew = Effect.fnUntraced(function*(server: Managed, wanted: Wanted, drain: Duration.Duration) {
      const old = server.auth
      if (old !== undefined && sameStrategy(old.wanted, wanted)) return false
      server.auth = yield* authorize(wanted, scope)
      old?.withdraw()
      if (old !== undefined) yield* Effect.forkIn(Effect.delay(Scope.close(old.scope, Exit.void), drain), scope)
      return true
    })

    const settle = Effect.fnUntraced(function*(manifest: Manifest, id: string, generation: number) {
      const entry = manifest.servers.find((server) => server.id === id)
      if (entry === undefined) return
      const wanted = yield* wantedOf(manifest, entry)
      const server = servers.get(id) ?? managed(id, wanted, manifest.hosting.drain, scope)
      servers.set(id, server)
      const { drain } = manifest.hosting
      const isAuthorizedAnew = yield* authorizeAnew(server, wanted, drain)
      const isOther = isAuthorizedAnew || !sameInstance(server.wanted, wanted)
      refusals.delete(id)
      server.wanted = wanted
      server.generation = generation
      const already = servedAlready(server, wanted)
      yield* personalize({ server, drain, parent: scope, changed }, isOther)
      yield* already === undefined ? launch(server, wanted, generation) : keep(server, already)
    }, (effect, _, id, generation) =>
      Effect.catch(effect, (unfit) => {
        if (refusals.get(id)?.problem === unfit.message) return Effect.void
        return Effect.andThen(
          Effect.map(Clock.currentTimeMillis, (since) => refusals.set(id, { generation, problem: unfit.message, since })),
          Effect.annotateLogs(Effect.logError(unfit.message), { server: id })
        )
      }))

    /** Why the newest form of a server is not even tried. */
    const refusals = new Map<string, Refusal>()

    /** @param isGone whether it is no more in the manifest at all: then what its users granted is given up */
    const remove = Effect.fnUntraced(function*(id: string, isGone: boolean) {
      const server = servers.get(id)
      refusals.delete(id)
      if (server === undefined) return
      servers.delete(id)
      yield* dropCandidate(server)
      yield* depersonalize(server, scope)
      server.auth?.withdraw()
      const forgotten = isGone ? server.auth?.strategy.consent?.forget(undefined) ?? Effect.void : Effect.void
      const gone = server.auth === undefined ? Effect.void : Scope.close(server.auth.scope, Exit.void)
      yield* Effect.forkIn(Effect.andThen(Effect.ignore(forgotten), Effect.andThen(server.slot.vacate, gone)), scope)
    })

    const apply = Effect.fn("Reconciler.apply")(function*(manifest: Manifest) {
      const changes = diff(current, manifest)
      const { changed, refused } = yield* registry.replaceThirdParty(manifest.plugins)
      const before = plugins
      plugins = refused.map(({ message }) => message)
      for (const message of plugins) if (!before.includes(message)) yield* Effect.logError(message)
      const nowLocked = yield* locks.stamp
      const isSame = current !== undefined && Equal.equals(current, manifest) && changed.length === 0 && nowLocked === lockStamp
      lockStamp = nowLocked
      if (!isSame || verdict.state === "rejected") {
        verdict = { state: "applied", since: new Date(yield* Clock.currentTimeMillis).toISOString(), problems: [] }
      }
      if (isSame) {
        // What was refused may have been so for a passing reason.
        yield* Effect.forEach([...refusals.keys()], (id) => settle(manifest, id, generation), { discard: true })
        return changes
      }
      generation++
      current = manifest
      access = accessOf(manifest)
      const wanted = manifest.servers.filter(({ enabled }) => enabled).map(({ id }) => id)
      yield* Effect.forEach([...servers.keys(), ...refusals.keys()].filter((id) => !wanted.includes(id)), (id) => remove(id, !manifest.servers.some((server) => server.id === id)))
      yield* Effect.forEach(wanted, (id) => settle(manifest, id, generation), { concurrency: "unbounded", discard: true })
      yield* publish()
      audit.recorder()?.record({ event: "manifest", outcome: "applied", generation, changes: changes.filter(({ action }) => action !== "keep") })
      return changes
    }, (effect) => oneAtATime(effect))

    const fork = Effect.runForkWith(context)
    const stops = [
      users.keeps("grants at servers", forgetsUsers(consents, servers)),
      consents.onGranted((invited) => fork(consented(catalogue, servers.get(invited.server), invited))),
      subscriptions.onChange((id) => servers.get(id)?.serving?.instance.rewatch()),
      levels.onChange(() => servers.forEach(({ serving }) => serving?.instance.relevel()))
    ]
    yield* Effect.addFinalizer(() => Effect.sync(() => stops.forEach((stop) => stop())))

    const status = (): GatewayStatus => ({
      generation,
      manifest: verdict,
      plugins,
      ...Option.match(Option.fromUndefinedOr(audit.state()), { onNone: () => ({}), onSome: (state) => ({ audit: state }) }),
      servers: (current?.servers ?? []).flatMap((entry) => {
        const server = servers.get(entry.id)
        const pending = server?.personal === undefined ? undefined : consents.pending(entry.id)
        const managed = { server, refusal: refusals.get(entry.id), pending }
        return entry.enabled ? [statusOf(entry, managed, catalogue.current().snapshot)] : []
      })
    })

    return Reconciler.of({
      apply,
      reject: (problems) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          verdict = { state: "rejected", since: new Date(now).toISOString(), problems }
          audit.recorder()?.record({ event: "manifest", outcome: "rejected", generation, problems: problems.slice(0, 20).map((problem) => problem.slice(0, 300)) })
        }),
      status,
      manifest: () => current,
      isReady: () =>
        current !== undefined && current.servers.every((entry) =>
          !entry.enabled || !entry.required || serves(servers.get(entry.id)?.slot.current())
        ),
      stop: Effect.suspend(() =>
        Effect.forEach([...servers.values()], (server) => Effect.andThen(dropCandidate(server), server.slot.vacate), {
          concurrency: "unbounded",
          discard: true
        })
      )
    })
  }))
}
