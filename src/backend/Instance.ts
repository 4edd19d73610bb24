/**
 * One running form of a server, as an explicit state machine with its supervisor:
 * start, serve, and after an end start again, with backoff and a budget. What it
 * is waiting for and why is always in its state; readers never wait for it.
 */
import { Clock, Deferred, Duration, Effect, Exit, Latch, type Scope } from "effect"
import type { LoadFailed } from "../plugin/Loader.ts"
import * as Backoffs from "./Backoff.ts"
import { BackendFailed } from "./BackendFailed.ts"
import type { Connection } from "./Connection.ts"
import type { Era } from "./Era.ts"
import { ALL_ASKABLE, type Conversations, make as makeConversations, needsOwn, within } from "./Conversations.ts"
import { hanging } from "./Health.ts"
import { OWN_CAPABILITIES, ownCall } from "./Handshake.ts"
import { open } from "./Open.ts"
import type { Opened } from "./Opened.ts"
import type { Party } from "./Party.ts"
import * as Sleeps from "./Sleep.ts"
import { garbageCounter, rateLimited } from "./ChildLog.ts"
import type { Children } from "./transport/Children.ts"
import type { SpawnFailed } from "./transport/Stdio.node.ts"
import type { Instance, Phase, Spec, State, Use } from "./Spec.ts"
import { type Watch, watch } from "./Watch.ts"

export type StartFailure = BackendFailed | SpawnFailed | LoadFailed

/** How long, in milliseconds, a verdict on the era is believed: a redeployed backend may have learnt the modern one. */
const ERA_HOLDS = 3_600_000
/** How long, in milliseconds, after it went calls wait for it to come back. */
const RECOVERY = 5000
/** How long a subscription waits for a server that sleeps. */
const HEARING = "5 seconds"

/** An instance that runs until the scope closes. */
export const make = Effect.fnUntraced(function*(spec: Spec): Effect.fn.Return<Instance, never, Scope.Scope | Children> {
  const ready = yield* Deferred.make<void>()
  const poke = yield* Latch.make(false)
  let entered = Deferred.makeUnsafe<void>()
  let state: State = { phase: "idle", since: yield* Clock.currentTimeMillis, restarts: 0 }
  let opened: Opened | undefined
  let conversations: Conversations | undefined
  let watching: Watch | undefined
  let remembered: { readonly era: Era; readonly until: number } | undefined
  const backoff = Backoffs.make()
  let isResting = false
  /** Why it ended or did not start, until it is ready again. */
  let trouble: string | undefined
  const sleep = Sleeps.make()
  let dozing = Deferred.makeUnsafe<void>()
  /** When it was last ready. */
  let lostAt = Number.NEGATIVE_INFINITY

  const enter = (phase: Phase, why?: string, next?: string) =>
    Effect.map(Clock.currentTimeMillis, (since) => {
      state = {
        phase,
        since,
        restarts: backoff.restarts(),
        ...(backoff.isSpent() ? { isGivenUp: true } : {}),
        ...(isResting ? { isResting: true } : {}),
        ...(sleep.isOn() ? { isAsleep: true } : {}),
        ...(why === undefined ? {} : { why }),
        ...(next === undefined ? {} : { next })
      }
      const waiting = entered
      entered = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Exit.void)
      spec.changed(state)
    })

  const enterTrying = (phase: Phase) => trouble === undefined ? enter(phase) : enter(phase, trouble, "it is being tried again")

  const setLevel = ({ connection, handshake }: Opened) => {
    const level = spec.logLevel()
    if (level === undefined || handshake.era !== "legacy" || handshake.capabilities["logging"] === undefined) return
    connection.call(ownCall("logging/setLevel", `"level":"${level}"`), { notify: () => {}, log: () => {}, done: () => {} })
  }

  /** What hangs may take long to end: callers hear at once. It is asked for its era again, for which it has less time. */
  const giveUp = Effect.fnUntraced(function*({ connection }: Opened, why: string) {
    lostAt = yield* Clock.currentTimeMillis
    remembered = undefined
    yield* enter("degraded", `Server "${spec.id}" ${why}`, "is started or opened anew")
    connection.close(why)
  })

  const attempt = Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const now = Effect.runForkWith(context)
    yield* enterTrying("resolving")
    const target = yield* spec.target((phase) => now(enterTrying(phase)))
    yield* enterTrying("starting")
    const ended = yield* Deferred.make<string>()
    const logger = garbageCounter((line) => now(Effect.logWarning(line)))
    const started = yield* open({
      backend: spec.id,
      target,
      capabilities: spec.isShared ? OWN_CAPABILITIES : ALL_ASKABLE,
      remembered: remembered !== undefined && (yield* Clock.currentTimeMillis) < remembered.until ? remembered.era : undefined,
      log: rateLimited((line) => now(Effect.logInfo(line))),
      observer: {
        notified: spec.notified,
        garbage: logger,
        closed: (why) => Deferred.doneUnsafe(ended, Exit.succeed(why))
      }
    }).pipe(Effect.tapError(() => Effect.sync(() => remembered = undefined)))
    yield* Effect.raceFirst(spec.welcome(started), Effect.flatMap(Deferred.await(ended), (why) => lost(spec.id, why)))
    remembered = { era: started.handshake.era, until: (yield* Clock.currentTimeMillis) + ERA_HOLDS }
    if (started.further !== undefined) conversations = yield* makeConversations(spec.id, started.further, { notified: spec.notified, began: setLevel, health: spec.health })
    setLevel(started)
    watching = yield* watch(started)
    watching.topics(spec.watched())
    yield* watching.caughtUp
    dozing = Deferred.makeUnsafe<void>()
    opened = started
    backoff.succeeded()
    trouble = undefined
    isResting = false
    sleep.over()
    yield* enter("ready")
    yield* Effect.logInfo(`ready (${started.handshake.era}, protocol ${started.handshake.version})`)
    Deferred.doneUnsafe(ready, Exit.void)
    const hung = spec.health === undefined ? Effect.never : hanging(started.connection, spec.health)
    const why = yield* Effect.raceAllFirst([Deferred.await(ended), Effect.tap(hung, (why) => giveUp(started, why)), Effect.as(Deferred.await(dozing), undefined)])
    if (why === undefined) return
    lostAt = yield* Clock.currentTimeMillis
    return yield* lost(spec.id, why)
  }).pipe(
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => {
      opened = undefined
      conversations = undefined
      watching = undefined
    }))
  )

  const rest = Effect.gen(function*() {
    isResting = true
    yield* enter("idle", "it lets nobody in without a credential of their own", "its users consent one by one; it is asked again now and then")
    Deferred.doneUnsafe(ready, Exit.void)
    yield* poke.close
    yield* Effect.timeoutOption(poke.await, Backoffs.REST)
  })

  const pause = Effect.fnUntraced(function*(failure: StartFailure) {
    isResting = false
    sleep.over()
    if (failure._tag === "BackendFailed" && failure.reason === "unauthorized" && spec.unauthorized !== undefined) {
      if ((yield* spec.unauthorized(failure)) === "rest") return yield* rest
    }
    trouble = failure.message
    const wait = yield* backoff.failed
    yield* enter(backoff.isSpent() ? "failed" : "degraded", failure.message, `tried again in ${Duration.format(Duration.seconds(Math.ceil(Duration.toSeconds(wait))))}, or at once when the manifest changes`)
    yield* Effect.logWarning(failure.message)
    yield* poke.close
    yield* Effect.timeoutOption(poke.await, wait)
  })

  yield* Effect.andThen(attempt, sleep.untilWoken).pipe(
    Effect.catch(pause),
    Effect.forever,
    Effect.annotateLogs({ server: spec.id }),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() => enter("stopped"))

  const direct = (party: Party): Connection | undefined =>
    opened === undefined || opened.connection.isClosed || needsOwn(opened, party) ? undefined : opened.connection

  const withConversations = <A, R>(
    party: Party,
    run: (all: Conversations, party: Party) => Effect.Effect<A, BackendFailed, R>
  ): Effect.Effect<A, BackendFailed, R> =>
    Effect.suspend(() => {
      if (opened !== undefined && conversations !== undefined && !opened.connection.isClosed) return run(conversations, within(opened, party))
      const detail = `is not running now: it is ${opened === undefined ? state.phase : "degraded"}`
      return Effect.fail(new BackendFailed({ backend: spec.id, reason: "not_ready", detail, isUnsent: true }))
    })

  const served: Effect.Effect<void> = Effect.suspend(() => {
    const isServing = state.phase === "ready" && opened?.connection.isClosed === false
    return isServing || sleep.isOn() || backoff.isSpent() || state.phase === "stopped" ? Effect.void : Effect.andThen(Deferred.await(entered), served)
  })

  const recovered = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    // A connection that has just closed is still to be noticed by the supervisor.
    const since = state.phase === "ready" ? now : lostAt
    return Effect.asVoid(Effect.timeoutOption(served, Math.max(0, since + RECOVERY - now)))
  })

  const awake: Effect.Effect<void> = Effect.suspend(() =>
    !sleep.isOn() || state.phase === "stopped" ? Effect.void : Effect.andThen(Deferred.await(entered), awake))

  /** Goes on when it runs, or cannot be started. */
  const woken = Effect.suspend(() => sleep.wake() ? awake : Effect.void)

  const use = (): Use | undefined => {
    if (opened === undefined) return undefined
    const { calls, inFlight } = opened.connection
    const isHeld = (conversations?.count() ?? 0) > 0
    return { calls, inFlight: inFlight + (conversations?.inFlight() ?? 0), isNeeded: inFlight > 0 || isHeld || isWatched() }
  }

  const isWatched = () => Object.values(spec.watched()).some(({ size }) => size > 0)

  const doze = (why: string) =>
    Effect.suspend(() => {
      if (opened === undefined || use()?.isNeeded === true) return Effect.void
      // From here on who calls finds it asleep, and waits for it to be started again.
      opened = undefined
      sleep.begin()
      const ending = dozing
      return Effect.andThen(enter("idle", why, "started again by the first call"), Effect.sync(() => Deferred.doneUnsafe(ending, Exit.void)))
    })

  return {
    id: spec.id,
    state: () => state,
    opened: () => opened,
    direct,
    lease: (party) =>
      Effect.andThen(woken, Effect.suspend(() => {
        const connection = direct(party)
        return connection === undefined ? withConversations(party, (all, own) => all.lease(own)) : Effect.succeed(connection)
      })),
    follow: (party, follower) => Effect.andThen(woken, withConversations(party, (all, own) => all.follow(own, follower))),
    over: (sharer) => conversations?.over(sharer),
    tell: (sharer, method) => conversations?.tell(sharer, method),
    use,
    recovered,
    ready: Deferred.await(ready),
    relevel: () => {
      if (opened !== undefined) setLevel(opened)
      conversations?.each(setLevel)
    },
    rewatch: () => {
      watching?.topics(spec.watched())
      if (isWatched()) sleep.wake()
    },
    hears: Effect.suspend(() =>
      sleep.isEnding() ? Effect.asVoid(Effect.timeoutOption(awake, HEARING)) : watching?.caughtUp ?? Effect.void),
    retryNow: Effect.asVoid(poke.open),
    doze,
    wake: sleep.wake
  }
})

const lost = (backend: string, why: string) => Effect.fail(new BackendFailed({ backend, reason: "closed", detail: why }))
