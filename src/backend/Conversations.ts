/**
 * Conversations with one backend beside the one that its lists are read on: by who
 * shares one, what the client can be asked, and its credential. Where a question does
 * not say which call it belongs to, one call at a time has a conversation for itself.
 */
import { Clock, Deferred, Duration, Effect, Exit, Schedule, Scope } from "effect"
import { BackendFailed } from "./BackendFailed.ts"
import type { Connection, Observer } from "./Connection.ts"
import type { Further, Opened } from "./Opened.ts"
import { ALONE, keyOf, type Party } from "./Party.ts"
import type { Children } from "./transport/Children.ts"
import type { SpawnFailed } from "./transport/Stdio.node.ts"

/** One conversation beside the first. */
interface Held {
  readonly key: string
  readonly principal: string
  readonly isExclusive: boolean
  readonly sharer: string | undefined
  readonly opened: Deferred.Deferred<Opened, BackendFailed>
  readonly scope: Scope.Closeable
  /** Once it is open. */
  connection: Connection | undefined
  users: number
  /** Milliseconds since 1970. */
  lastUsed: number
  standing: Party["standing"]
}

export interface Conversations {
  /** A conversation for one call, given back when the scope closes. */
  readonly lease: (party: Party) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
  /** Ends what this sharer holds. */
  readonly over: (sharer: string) => void
  /** Sends a notification without parameters on what this sharer holds. */
  readonly tell: (sharer: string, method: string) => void
  readonly count: () => number
}

/** Most conversations with one backend, and of one principal among them. */
const MOST = { processes: { all: 64, each: 32 }, sessions: { all: 1024, each: 256 } }

/** How long an unused one is kept. */
const IDLE = Duration.toMillis("5 minutes")

/**
 * The conversations of a backend, which all end with the scope.
 * @param notified hears that lists have changed where a conversation has a state of its own
 */
export const make = Effect.fnUntraced(function*(
  backend: string,
  further: Further,
  notified: Observer["notified"]
): Effect.fn.Return<Conversations, never, Scope.Scope | Children> {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<Children>()
  const fork = Effect.runForkWith(context)
  const limits = further.isProcess ? MOST.processes : MOST.sessions
  const all = new Set<Held>()

  const end = (held: Held) => {
    if (all.delete(held)) fork(Scope.close(held.scope, Exit.void))
  }

  /** Ends the one of `among` that was not used for longest; says whether there was one. */
  const endIdlest = (among: ReadonlyArray<Held>): boolean => {
    const [idlest] = among.filter(({ users }) => users === 0).sort((a, b) => a.lastUsed - b.lastUsed)
    if (idlest !== undefined) end(idlest)
    return idlest !== undefined
  }

  const hasRoom = ({ principal, sharer }: Party): boolean => {
    const own = [...all].filter((held) => sharer !== undefined && held.principal === principal)
    return (own.length < limits.each || endIdlest(own)) && (all.size < limits.all || endIdlest([...all]))
  }

  /** The last used of those that can take one more call. */
  const freeFor = (key: string, { sharer }: Party): Held | undefined => {
    let found: Held | undefined
    for (const held of all) {
      const isFree = held.key === key && sharer !== ALONE && !(held.isExclusive && held.users > 0)
      if (isFree && (found === undefined || held.lastUsed >= found.lastUsed)) found = held
    }
    return found
  }

  const begin = Effect.fnUntraced(function*(party: Party, key: string, lastUsed: number) {
    const isExclusive = !further.tellsCalls && party.capabilities !== "{}"
    const { principal, sharer, standing } = party
    const opened = yield* Deferred.make<Opened, BackendFailed>()
    const held: Held = { key, principal, sharer, isExclusive, opened, scope: yield* Scope.fork(scope), connection: undefined, users: 1, lastUsed, standing }
    all.add(held)
    let isOpen = false
    const observer: Observer = {
      // The other sessions of one process say what the first one says.
      notified: (method, text) => isHeard(method, sharer) ? notified(method, text) : undefined,
      garbage: () => {},
      // What ends while it is being opened says so by failing.
      closed: () => isOpen ? end(held) : undefined,
      asked: (question) => held.standing?.(question) ?? false,
      asksOnlyCall: isExclusive
    }
    const { capabilities, headers } = party
    yield* further.open({ capabilities, headers, observer, isHeard: sharer !== undefined }).pipe(
      Effect.mapError((failure) => inWordsOf(backend, failure)),
      Effect.onInterrupt(() => Deferred.fail(opened, new BackendFailed({ backend, reason: "closed", detail: "was left while it was being asked" }))),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          Deferred.doneUnsafe(opened, exit)
          held.connection = Exit.isSuccess(exit) ? exit.value.connection : undefined
          isOpen = held.connection?.isClosed === false
          if (!isOpen) end(held)
        })),
      Scope.provide(held.scope),
      Effect.forkIn(held.scope)
    )
    return held
  })

  const take = Effect.fnUntraced(function*(party: Party): Effect.fn.Return<Held, BackendFailed, Children> {
    const key = keyOf(party)
    const now = yield* Clock.currentTimeMillis
    const free = freeFor(key, party)
    if (free === undefined) {
      if (!hasRoom(party)) return yield* new BackendFailed({ backend, reason: "busy", detail: "has as many conversations as it may; try again later" })
      return yield* begin(party, key, now)
    }
    free.users++
    free.lastUsed = now
    free.standing = party.standing
    return free
  })

  const give = (held: Held) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      held.users--
      held.lastUsed = now
      if (held.sharer === ALONE || isDoubtful(held)) end(held)
    })

  const sweep = Effect.map(Clock.currentTimeMillis, (now) => {
    for (const held of all) if (held.users === 0 && now - held.lastUsed >= IDLE) end(held)
  })
  yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced("30 seconds")))

  return {
    lease: (party) =>
      Effect.acquireRelease(Effect.provideContext(take(party), context), give).pipe(
        Effect.flatMap(({ opened }) => Deferred.await(opened)),
        Effect.map(({ connection }) => connection)
      ),
    over: (sharer) => {
      for (const held of all) if (held.sharer === sharer) end(held)
    },
    tell: (sharer, method) => {
      for (const held of all) if (held.sharer === sharer) held.connection?.notify(method, "")
    },
    count: () => all.size
  }
})

/** Lists change for all; where the state is one's own, what changes in it is heard from its conversation alone. */
const isHeard = (method: string, sharer: string | undefined): boolean =>
  method === "notifications/elicitation/complete" || (sharer !== undefined && method.endsWith("/list_changed"))

/** A question that a call left behind must not become another principal's. */
const isDoubtful = ({ connection, isExclusive, sharer }: Held): boolean =>
  isExclusive && sharer === undefined && connection?.hasAbandoned === true

const inWordsOf = (backend: string, failure: BackendFailed | SpawnFailed): BackendFailed =>
  failure._tag === "BackendFailed" ? failure : new BackendFailed({ backend, reason: "unreachable", detail: failure.message })
