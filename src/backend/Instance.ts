/**
 * One running form of a server, as an explicit state machine with its supervisor:
 * start, serve, and after an end start again, with backoff and a budget. What it
 * is waiting for and why is always in its state; readers never wait for it.
 */
import { Clock, Deferred, Duration, Effect, Exit, Latch, Random, type Scope } from "effect"
import type { LoadFailed } from "../plugin/Loader.ts"
import { BackendFailed } from "./BackendFailed.ts"
import type { Connection } from "./Connection.ts"
import type { Era } from "./Era.ts"
import { ALL_ASKABLE, type Conversations, make as makeConversations, needsOwn, within } from "./Conversations.ts"
import type { Follower } from "./Held.ts"
import { OWN_CAPABILITIES, ownCall } from "./Handshake.ts"
import { open } from "./Open.ts"
import type { Opened } from "./Opened.ts"
import type { Party } from "./Party.ts"
import { garbageCounter, rateLimited } from "./ChildLog.ts"
import type { Children } from "./transport/Children.ts"
import type { SpawnFailed } from "./transport/Stdio.node.ts"
import type { Phase, Spec, State } from "./Spec.ts"
import { type Watch, watch } from "./Watch.ts"

export interface Instance {
  readonly id: string
  readonly state: () => State
  readonly opened: () => Opened | undefined
  /** The connection that serves this party without a conversation of its own. */
  readonly direct: (party: Party) => Connection | undefined
  /** The connection on which this party is served, held until the scope closes. */
  readonly lease: (party: Party) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
  /** Hears of a resource on the party's own conversation until that ends. */
  readonly follow: (party: Party, follower: Follower) => Effect.Effect<void, BackendFailed>
  /** Ends what this sharer holds. */
  readonly over: (sharer: string) => void
  /** Sends a notification without parameters on what this sharer holds. */
  readonly tell: (sharer: string, method: string) => void
  /** How many conversations there are beside the first. */
  readonly conversations: () => number
  /** Waits until calls can be served again, for as long as it has just gone; of a long outage callers hear at once. */
  readonly recovered: Effect.Effect<void>
  /** Waits for the first time it is ready, however many attempts that takes. */
  readonly ready: Effect.Effect<void>
  /** Looks at `logLevel` again. */
  readonly relevel: () => void
  /** Looks at `watched` again. */
  readonly rewatch: () => void
  /** Waits, for a moment, until the server tells what is `watched`. */
  readonly hears: Effect.Effect<void>
  /** Tries again now, whatever the backoff says. */
  readonly retryNow: Effect.Effect<void>
}

export type StartFailure = BackendFailed | SpawnFailed | LoadFailed

/** Restarts per minute before the instance counts as failed, and how long it then rests before each try until it is ready again. */
const BUDGET = 5
const REST = Duration.minutes(5)
/** How long, in milliseconds, a verdict on the era is believed: a redeployed backend may have learnt the modern one. */
const ERA_HOLDS = 3_600_000
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 30_000
/** How long, in milliseconds, after it went calls wait for it to come back. */
const RECOVERY = 5000

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
  let starts: ReadonlyArray<number> = []
  /** Failures since it was last ready. */
  let inARow = 0
  let isSpent = false
  let isResting = false
  /** When it was last ready. */
  let lostAt = Number.NEGATIVE_INFINITY

  const enter = (phase: Phase, why?: string, next?: string) =>
    Effect.map(Clock.currentTimeMillis, (since) => {
      state = {
        phase,
        since,
        restarts: starts.length,
        ...(isSpent ? { isGivenUp: true } : {}),
        ...(isResting ? { isResting: true } : {}),
        ...(why === undefined ? {} : { why }),
        ...(next === undefined ? {} : { next })
      }
      const waiting = entered
      entered = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Exit.void)
      spec.changed(state)
    })

  const setLevel = ({ connection, handshake }: Opened) => {
    const level = spec.logLevel()
    if (level === undefined || handshake.era !== "legacy" || handshake.capabilities["logging"] === undefined) return
    connection.call(ownCall("logging/setLevel", `"level":"${level}"`), { notify: () => {}, log: () => {}, done: () => {} })
  }

  const attempt = Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const now = Effect.runForkWith(context)
    yield* enter("resolving")
    const target = yield* spec.target((phase) => now(enter(phase)))
    yield* enter("starting")
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
    if (started.further !== undefined) conversations = yield* makeConversations(spec.id, started.further, { notified: spec.notified, began: setLevel })
    setLevel(started)
    watching = yield* watch(started)
    watching.topics(spec.watched())
    yield* watching.caughtUp
    opened = started
    inARow = 0
    isSpent = false
    isResting = false
    yield* enter("ready")
    yield* Effect.logInfo(`ready (${started.handshake.era}, protocol ${started.handshake.version})`)
    Deferred.doneUnsafe(ready, Exit.void)
    const why = yield* Deferred.await(ended)
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
    yield* Effect.timeoutOption(poke.await, REST)
  })

  const pause = Effect.fnUntraced(function*(failure: StartFailure) {
    isResting = false
    if (failure._tag === "BackendFailed" && failure.reason === "unauthorized" && spec.unauthorized !== undefined) {
      if ((yield* spec.unauthorized(failure)) === "rest") return yield* rest
    }
    const now = yield* Clock.currentTimeMillis
    starts = [...starts.filter((at) => now - at < 60_000), now]
    inARow++
    isSpent ||= starts.length > BUDGET
    const jitter = yield* Random.nextBetween(0.5, 1)
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(starts.length, inARow))
    const wait = isSpent ? REST : Duration.millis(jitter * longest)
    yield* enter(isSpent ? "failed" : "degraded", failure.message, `tried again in ${Duration.format(Duration.seconds(Math.ceil(Duration.toSeconds(wait))))}, or at once when the manifest changes`)
    yield* Effect.logWarning(failure.message)
    yield* poke.close
    yield* Effect.timeoutOption(poke.await, wait)
  })

  yield* attempt.pipe(
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
    return isServing || isSpent || state.phase === "stopped" ? Effect.void : Effect.andThen(Deferred.await(entered), served)
  })

  const recovered = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    // A connection that has just closed is still to be noticed by the supervisor.
    const since = state.phase === "ready" ? now : lostAt
    return Effect.asVoid(Effect.timeoutOption(served, Math.max(0, since + RECOVERY - now)))
  })

  return {
    id: spec.id,
    state: () => state,
    opened: () => opened,
    direct,
    lease: (party) => withConversations(party, (all, own) => all.lease(own)),
    follow: (party, follower) => withConversations(party, (all, own) => all.follow(own, follower)),
    over: (sharer) => conversations?.over(sharer),
    tell: (sharer, method) => conversations?.tell(sharer, method),
    conversations: () => conversations?.count() ?? 0,
    recovered,
    ready: Deferred.await(ready),
    relevel: () => {
      if (opened !== undefined) setLevel(opened)
      conversations?.each(setLevel)
    },
    rewatch: () => watching?.topics(spec.watched()),
    hears: Effect.suspend(() => watching?.caughtUp ?? Effect.void),
    retryNow: Effect.asVoid(poke.open)
  }
})

const lost = (backend: string, why: string) => Effect.fail(new BackendFailed({ backend, reason: "closed", detail: why }))
