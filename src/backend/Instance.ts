/**
 * One running form of a server, as an explicit state machine with its supervisor:
 * start, serve, and after an end start again, with backoff and a budget. What it
 * is waiting for and why is always in its state; readers never wait for it.
 */
import { type Cause, Clock, Deferred, Duration, Effect, Exit, Latch, Random, RcMap, type Scope } from "effect"
import type { LoadFailed } from "../plugin/Loader.ts"
import { BackendFailed } from "./BackendFailed.ts"
import type { Connection } from "./Connection.ts"
import type { Era } from "./Era.ts"
import { open, type Opened, type Target } from "./Open.ts"
import type { Children } from "./transport/Children.ts"
import type { SpawnFailed } from "./transport/Stdio.node.ts"
import { type Watch, watch } from "./Watch.ts"

export type Phase = "idle" | "resolving" | "preparing" | "starting" | "ready" | "degraded" | "failed" | "draining" | "stopped"

export interface State {
  readonly phase: Phase
  /** Milliseconds since 1970. */
  readonly since: number
  readonly why?: string
  /** What happens next or what to do. */
  readonly next?: string
  readonly restarts: number
  /** Its restart budget is spent and it has not been ready since: now it is tried now and then only. */
  readonly isGivenUp?: true
}

export interface Spec {
  readonly id: string
  /** Resolves and prepares; announces which of the two it is doing. */
  readonly target: (announce: (phase: "resolving" | "preparing") => void) => Effect.Effect<Target, LoadFailed, Scope.Scope>
  /** Runs before the instance counts as ready: reads what the server offers. */
  readonly welcome: (opened: Opened) => Effect.Effect<void, BackendFailed>
  readonly notified: (method: string, text: string) => void
  /** The resources that clients want to hear about, by the server's own URIs. */
  readonly watched: () => ReadonlySet<string>
  readonly changed: (state: State) => void
}

export interface Instance {
  readonly id: string
  readonly state: () => State
  readonly opened: () => Opened | undefined
  /** The connection for callers that cannot be asked anything. */
  readonly shared: Effect.Effect<Connection, BackendFailed>
  /** The connection on which a caller with these capabilities is served. */
  readonly connectionFor: (capabilities: string) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
  /** Waits for the first time it is ready, however many attempts that takes. */
  readonly ready: Effect.Effect<void>
  /** Looks at `watched` again. */
  readonly rewatch: () => void
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

/** An instance that runs until the scope closes. */
export const make = Effect.fnUntraced(function*(spec: Spec): Effect.fn.Return<Instance, never, Scope.Scope | Children> {
  const ready = yield* Deferred.make<void>()
  const poke = yield* Latch.make(false)
  let state: State = { phase: "idle", since: yield* Clock.currentTimeMillis, restarts: 0 }
  let opened: Opened | undefined
  let further: Conversations | undefined
  let watching: Watch | undefined
  let remembered: { readonly era: Era; readonly until: number } | undefined
  let starts: ReadonlyArray<number> = []
  /** Failures since it was last ready. */
  let inARow = 0
  let isSpent = false

  const enter = (phase: Phase, why?: string, next?: string) =>
    Effect.map(Clock.currentTimeMillis, (since) => {
      state = {
        phase,
        since,
        restarts: starts.length,
        ...(isSpent ? { isGivenUp: true } : {}),
        ...(why === undefined ? {} : { why }),
        ...(next === undefined ? {} : { next })
      }
      spec.changed(state)
    })

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
      capabilities: "{}",
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
    if (started.further !== undefined) further = yield* conversations(started.further)
    watching = yield* watch(started)
    watching.resources(spec.watched())
    opened = started
    inARow = 0
    isSpent = false
    yield* enter("ready")
    yield* Effect.logInfo(`ready (${started.handshake.era}, protocol ${started.handshake.version})`)
    Deferred.doneUnsafe(ready, Exit.void)
    return yield* lost(spec.id, yield* Deferred.await(ended))
  }).pipe(
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => {
      opened = undefined
      further = undefined
      watching = undefined
    }))
  )

  const pause = Effect.fnUntraced(function*(failure: StartFailure) {
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

  const shared = Effect.suspend(() => {
    if (opened !== undefined) return Effect.succeed(opened.connection)
    const detail = `is not running now: it is ${state.phase}`
    return Effect.fail(new BackendFailed({ backend: spec.id, reason: "not_ready", detail }))
  })

  const connectionFor = (capabilities: string): Effect.Effect<Connection, BackendFailed, Scope.Scope> => {
    if (opened === undefined || further === undefined || capabilities === "{}") return shared
    return Effect.mapError(RcMap.get(further, capabilities), (error) =>
      error._tag === "BackendFailed"
        ? error
        : new BackendFailed({ backend: spec.id, reason: "busy", detail: "serves too many kinds of clients at once" }))
  }

  return {
    id: spec.id,
    state: () => state,
    opened: () => opened,
    shared,
    connectionFor,
    ready: Deferred.await(ready),
    rewatch: () => watching?.resources(spec.watched()),
    retryNow: Effect.asVoid(poke.open)
  }
})

type Conversations = RcMap.RcMap<string, Connection, BackendFailed | Cause.ExceededCapacityError>

/** Conversations by what their clients can be asked; one that the backend ends is opened anew for the next call. */
const conversations = Effect.fnUntraced(function*(
  further: NonNullable<Opened["further"]>
): Effect.fn.Return<Conversations, never, Scope.Scope> {
  const all: Conversations = yield* RcMap.make({
    lookup: (capabilities: string) => further(capabilities, () => Effect.runFork(RcMap.invalidate(all, capabilities))),
    idleTimeToLive: "5 minutes",
    capacity: 256
  })
  return all
})

const lost = (backend: string, why: string) => Effect.fail(new BackendFailed({ backend, reason: "closed", detail: why }))

/** Passes on at most 100 lines a second, then says how many it left out. */
const rateLimited = (write: (line: string) => void) => {
  let second = 0
  let count = 0
  return (line: string) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      if (count > 100) write(`${count - 100} more lines on standard error were left out`)
      second = now
      count = 0
    }
    if (++count <= 100) write(line.slice(0, 2000))
  }
}

/** Counts lines that are no message; says so at the first and at each power of ten. */
const garbageCounter = (write: (line: string) => void) => {
  let count = 0
  return () => {
    count++
    if (Number.isInteger(Math.log10(count))) write(`wrote ${count} line(s) on standard output that are no JSON-RPC message; skipped`)
  }
}
