/**
 * Keeps a backend telling what changes: one `subscriptions/listen` for a modern one,
 * which is opened anew before the old one is closed when the resources differ, and
 * `resources/subscribe` for a legacy one.
 */
import { Deferred, Effect, Exit, type Scope } from "effect"
import type { Answer, Connection } from "./Connection.ts"
import { type Call, TASKS } from "./Era.ts"
import { ownCall } from "./Handshake.ts"
import type { Opened } from "./Opened.ts"
import { NO_TOPICS, type Topics } from "./Subscriptions.ts"

export interface Watch {
  /** What to hear about from now on, in the backend's own words; a legacy one has no tasks to hear of. */
  readonly topics: (wanted: Topics) => void
  /** Waits until the backend has taken what was wanted last, or has not in time. */
  readonly caughtUp: Effect.Effect<void>
}

/** Pauses in milliseconds before a listen that ended is opened again, and the time a new one has to be acknowledged. */
const PAUSE = { shortest: 1000, longest: 60_000 }
const ACKNOWLEDGED = "2 seconds"

/** From a backend without subscriptions: it is not asked again. */
const METHOD_NOT_FOUND = -32601

/** Watches until the scope closes. */
export const watch = (opened: Opened): Effect.Effect<Watch, never, Scope.Scope> =>
  opened.handshake.era === "modern" ? watchModern(opened.connection) : Effect.succeed(watchLegacy(opened.connection))

const quietly = { notify: () => {}, log: () => {} }

const watchLegacy = (connection: Connection): Watch => {
  let subscribed: ReadonlySet<string> = new Set()
  let unanswered = 0
  let caught = done()
  const tell = (method: string, uri: string) => {
    if (unanswered++ === 0) caught = Deferred.makeUnsafe<void>()
    connection.call(ownCall(method, `"uri":${JSON.stringify(uri)}`, uri), {
      ...quietly,
      done: () => --unanswered === 0 ? Deferred.doneUnsafe(caught, Exit.void) : undefined
    })
  }
  return {
    caughtUp: within(() => caught),
    topics: ({ resources: uris }) => {
      for (const uri of uris) if (!subscribed.has(uri)) tell("resources/subscribe", uri)
      for (const uri of subscribed) if (!uris.has(uri)) tell("resources/unsubscribe", uri)
      subscribed = new Set(uris)
    }
  }
}

const done = () => {
  const settled = Deferred.makeUnsafe<void>()
  Deferred.doneUnsafe(settled, Exit.void)
  return settled
}

const within = (settled: () => Deferred.Deferred<void>): Effect.Effect<void> =>
  Effect.suspend(() => Effect.asVoid(Effect.timeoutOption(Deferred.await(settled()), ACKNOWLEDGED)))

const filterFor = ({ resources, tasks }: Topics) =>
  `"notifications":${
    JSON.stringify({
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: [...resources],
      ...(tasks.size === 0 ? {} : { taskIds: [...tasks] })
    })
  }`

/** Who listens to tasks has to know them (SEP-2663). */
const listenFor = (wanted: Topics): Call => {
  const call = ownCall("subscriptions/listen", filterFor(wanted))
  return wanted.tasks.size === 0 ? call : { ...call, envelope: { ...call.envelope, capabilities: KNOWS_TASKS } }
}

const KNOWS_TASKS = JSON.stringify({ extensions: { [TASKS]: {} } })

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>) => a.size === b.size && [...a].every((one) => b.has(one))

const watchModern = Effect.fnUntraced(function*(connection: Connection): Effect.fn.Return<Watch, never, Scope.Scope> {
  let wanted = NO_TOPICS
  let caught = done()
  let changed = Deferred.makeUnsafe<void>()
  let close = () => {}
  let pause = PAUSE.shortest

  const listenAnew = Effect.gen(function*() {
    const before = close
    const asked = wanted
    const ended = Deferred.makeUnsafe<Answer>()
    const acknowledged = Deferred.makeUnsafe<void>()
    changed = Deferred.makeUnsafe<void>()
    close = connection.call(listenFor(asked), {
      ...quietly,
      notify: () => Deferred.doneUnsafe(acknowledged, Exit.void),
      done: (answer) => Deferred.doneUnsafe(ended, Exit.succeed(answer))
    })
    yield* Effect.raceFirst(Deferred.await(acknowledged), Effect.asVoid(Deferred.await(ended))).pipe(Effect.timeoutOption(ACKNOWLEDGED))
    before()
    if (asked === wanted) Deferred.doneUnsafe(caught, Exit.void)
    const answer = yield* Effect.raceFirst(Deferred.await(ended), Effect.as(Deferred.await(changed), undefined))
    if (answer?.kind === "error" && answer.error.code === METHOD_NOT_FOUND) return yield* Effect.never
    if (answer === undefined) return
    // One that was acknowledged has worked; a server that refuses again and again is asked ever less often.
    if (Deferred.isDoneUnsafe(acknowledged)) pause = PAUSE.shortest
    yield* Effect.sleep(pause)
    pause = Math.min(pause * 2, PAUSE.longest)
  })

  yield* Effect.addFinalizer(() => Effect.sync(() => close()))
  yield* Effect.forkScoped(Effect.forever(listenAnew))
  return {
    caughtUp: within(() => caught),
    topics: (next) => {
      if (isSame(next.resources, wanted.resources) && isSame(next.tasks, wanted.tasks)) return
      wanted = next
      if (Deferred.isDoneUnsafe(caught)) caught = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(changed, Exit.void)
    }
  }
})
