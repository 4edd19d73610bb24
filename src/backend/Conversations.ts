/**
 * Conversations with one backend beside the one that its lists are read on: by who
 * shares one, what the client can be asked, and its credential. Where a question does
 * not say which call it belongs to, one call at a time has a conversation for itself.
 */
import { Clock, Deferred, Duration, Effect, Exit, Schedule, Scope } from "effect"
import { BackendFailed } from "./BackendFailed.ts"
import type { Connection, Observer } from "./Connection.ts"
import { type Follower, followOn, heldFor, type Held, isDoubtful, isHeard, isIdle, tellFollowers } from "./Held.ts"
import { type Health, hanging } from "./Health.ts"
import { OWN_CAPABILITIES } from "./Handshake.ts"
import type { Further, Opened } from "./Opened.ts"
import { ALONE, keyOf, NO_HEADERS, type Party } from "./Party.ts"
import type { Children } from "./transport/Children.ts"
import type { SpawnFailed } from "./transport/Stdio.node.ts"
import { watch } from "./Watch.ts"

export interface Conversations {
  /** A conversation for one call, given back when the scope closes. */
  readonly lease: (party: Party) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
  /** Hears of a resource on the party's own conversation until that ends. */
  readonly follow: (party: Party, follower: Follower) => Effect.Effect<void, BackendFailed>
  /** Ends what this sharer holds. */
  readonly over: (sharer: string) => void
  /** Sends a notification without parameters on what this sharer holds. */
  readonly tell: (sharer: string, method: string) => void
  readonly each: (run: (opened: Opened) => void) => void
  readonly count: () => number
  /** Calls that wait for their answers on them. */
  readonly inFlight: () => number
}

export interface Hearing {
  /** Hears that lists have changed where a conversation has a state of its own, and what concerns only those who know an id. */
  readonly notified: Observer["notified"]
  /** Hears of each conversation when it is open. */
  readonly began: (opened: Opened) => void
  /** How each is asked whether it still answers; absent where none is. */
  readonly health?: (() => Health) | undefined
}

/** Most conversations with one backend, and of one principal among them. */
const MOST = { processes: { all: 64, each: 32 }, sessions: { all: 1024, each: 256 } }

/** How long an unused one is kept. */
const IDLE = Duration.toMillis("5 minutes")

/** How long one whose call was given up stays, so that the backend hears of that. */
const FAREWELL = "1 second"

/** The conversations of a backend, which all end with the scope. */
export const make = Effect.fnUntraced(function*(
  backend: string,
  further: Further,
  { began, health, notified }: Hearing
): Effect.fn.Return<Conversations, never, Scope.Scope | Children> {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<Children>()
  const fork = Effect.runForkWith(context)
  const limits = further.isProcess ? MOST.processes : MOST.sessions
  const all = new Set<Held>()

  /** @param farewell time for what was just said to arrive */
  const end = (held: Held, farewell?: Duration.Input) => {
    if (!all.delete(held)) return
    Deferred.doneUnsafe(held.ended, Exit.void)
    const close = Scope.close(held.scope, Exit.void)
    fork(farewell === undefined ? close : Effect.delay(close, farewell))
  }

  /** Ends the one of `among` that was not used for longest; says whether there was one. */
  const endIdlest = (among: ReadonlyArray<Held>): boolean => {
    const [idlest] = among.filter(isIdle).sort((a, b) => a.lastUsed - b.lastUsed)
    if (idlest !== undefined) end(idlest)
    return idlest !== undefined
  }

  const hasRoom = ({ principal, sharer }: Party): boolean => {
    const own = [...all].filter((held) => sharer !== undefined && held.principal === principal)
    return (own.length < limits.each || endIdlest(own)) && (all.size < limits.all || endIdlest([...all]))
  }

  /** The last used of those that can take one more call. */
  const freeFor = (key: string, { sharer }: Party, isSilent: boolean): Held | undefined => {
    let found: Held | undefined
    for (const held of all) {
      const isFree = held.key === key && sharer !== ALONE && held.open?.connection.isClosed !== true && (isSilent || !(held.isExclusive && held.users > 0))
      if (isFree && (found === undefined || held.lastUsed >= found.lastUsed)) found = held
    }
    return found
  }

  const begin = Effect.fnUntraced(function*(party: Party, { key, lastUsed, users }: Pick<Held, "key" | "lastUsed" | "users">) {
    const isExclusive = !further.tellsCalls && party.capabilities !== "{}"
    const { sharer } = party
    const held = heldFor({ party, key, isExclusive, lastUsed, users, scope: yield* Scope.fork(scope) })
    all.add(held)
    let isOpen = false
    const observer: Observer = {
      // The other sessions of one process say what the first one says.
      notified: (method, text) => {
        if (method === "notifications/resources/updated") tellFollowers(held, text)
        else if (isHeard(method, sharer)) notified(method, text)
      },
      garbage: () => {},
      // What ends while it is being opened says so by failing.
      closed: () => isOpen ? end(held) : undefined,
      asked: (question) => held.standing?.(question) ?? false,
      asksOnlyCall: isExclusive
    }
    const { capabilities, headers } = party
    const opening = yield* further.open({ capabilities, headers, observer, isHeard: sharer !== undefined || capabilities !== "{}" }).pipe(
      Effect.tap((opened) => Effect.map(sharer === undefined ? Effect.succeed(undefined) : watch(opened), (made) => held.watch = made)),
      Effect.mapError((failure) => inWordsOf(backend, failure)),
      Effect.onInterrupt(() => Deferred.fail(held.opened, new BackendFailed({ backend, reason: "closed", detail: "was left while it was being asked", isUnsent: true }))),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          held.open = Exit.isSuccess(exit) ? exit.value : undefined
          isOpen = held.open?.connection.isClosed === false
          if (held.open === undefined || !isOpen) end(held)
          else began(held.open)
          // Last, since who waits for it goes on at once.
          Deferred.doneUnsafe(held.opened, exit)
        })),
      Scope.provide(held.scope),
      Effect.forkIn(held.scope)
    )
    // On a scope that is closing it does not even begin, and nothing of the above runs.
    opening.addObserver(() => {
      if (Deferred.doneUnsafe(held.opened, Exit.fail(new BackendFailed({ backend, reason: "closed", detail: "closed the connection", isUnsent: true })))) end(held)
    })
    if (health !== undefined) yield* Effect.forkIn(untilHanging(held, health), held.scope)
    return held
  })

  /** Closing tells its callers at once; ending it may take long. */
  const untilHanging = (held: Held, health: () => Health) =>
    Effect.flatMap(Deferred.await(held.opened), ({ connection }) =>
      Effect.map(hanging(connection, health), (why) => connection.close(why))).pipe(Effect.ignore)

  /** @param isSilent for somebody who calls nothing on it: no user of it, and in no call's way */
  const take = Effect.fnUntraced(function*(party: Party, isSilent: boolean): Effect.fn.Return<Held, BackendFailed, Children> {
    const key = keyOf(party)
    const now = yield* Clock.currentTimeMillis
    const free = freeFor(key, party, isSilent)
    if (free === undefined) {
      if (!hasRoom(party)) return yield* new BackendFailed({ backend, reason: "busy", detail: "has as many conversations as it may; try again later" })
      return yield* begin(party, { key, lastUsed: now, users: isSilent ? 0 : 1 })
    }
    if (!isSilent) free.users++
    free.lastUsed = now
    free.standing = party.standing
    return free
  })

  const give = (held: Held) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      held.users--
      held.lastUsed = now
      if (held.sharer === ALONE) end(held)
      else if (isDoubtful(held)) end(held, FAREWELL)
    })

  const sweep = Effect.map(Clock.currentTimeMillis, (now) => {
    for (const held of all) if (isIdle(held) && now - held.lastUsed >= IDLE) end(held)
  })
  yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced("30 seconds")))

  return {
    lease: (party) =>
      Effect.acquireRelease(Effect.provideContext(take(party, false), context), give).pipe(
        Effect.flatMap(({ opened }) => Deferred.await(opened)),
        Effect.map(({ connection }) => connection)
      ),
    follow: (party, follower) =>
      Effect.acquireUseRelease(
        Effect.tap(Effect.provideContext(take(party, true), context), (held) => Effect.sync(() => held.followed++)),
        (held) =>
          Effect.andThen(Deferred.await(held.opened), Effect.acquireUseRelease(
            Effect.sync(() => followOn(held, follower)),
            () =>
              Effect.suspend(() => held.watch?.caughtUp ?? Effect.void).pipe(
                Effect.andThen(Effect.sync(follower.began)),
                Effect.andThen(Deferred.await(held.ended))
              ),
            (stop) => Effect.sync(stop)
          )),
        (held) => Effect.sync(() => held.followed--)
      ),
    over: (sharer) => {
      for (const held of all) if (held.sharer === sharer) end(held)
    },
    tell: (sharer, method) => {
      for (const held of all) if (held.sharer === sharer) held.open?.connection.notify(method, "")
    },
    each: (run) => {
      for (const { open } of all) if (open !== undefined) run(open)
    },
    count: () => all.size,
    inFlight: () => [...all].reduce((sum, { open }) => sum + (open?.connection.inFlight ?? 0), 0)
  }
})

/** Everything that a client of any revision can be asked: a server may offer more to such a client. */
export const ALL_ASKABLE = JSON.stringify({ ...JSON.parse(OWN_CAPABILITIES), elicitation: { form: {}, url: {} }, roots: { listChanged: true }, sampling: { context: {}, tools: {} } })

/**
 * Whether a party's calls may not go over the first conversation: where not everybody shares it, and over
 * HTTP where a legacy session is bound to a credential and to what its client can be asked. A process that
 * everybody shares was told that nobody can be asked, since nothing would tell whose question one is.
 */
export const needsOwn = ({ further }: Opened, { capabilities, headers, sharer }: Party): boolean =>
  further !== undefined &&
  (sharer !== undefined || (!further.isProcess && (capabilities !== "{}" || headers !== NO_HEADERS)))

/** A modern backend is told with each request what the client can be asked. */
export const within = ({ handshake }: Opened, party: Party): Party => handshake.era === "modern" ? { ...party, capabilities: "{}" } : party

const inWordsOf = (backend: string, failure: BackendFailed | SpawnFailed): BackendFailed =>
  failure._tag === "BackendFailed" ? failure : new BackendFailed({ backend, reason: "unreachable", detail: failure.message })
