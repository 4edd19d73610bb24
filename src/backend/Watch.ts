/**
 * Keeps a backend telling what changes: one `subscriptions/listen` for a modern one,
 * which is opened anew before the old one is closed when the resources differ, and
 * `resources/subscribe` for a legacy one.
 */
import { Deferred, Effect, Exit, type Scope } from "effect"
import type { Answer, Connection } from "./Connection.ts"
import { ownCall } from "./Handshake.ts"
import type { Opened } from "./Opened.ts"

export interface Watch {
  /** The resources to hear about from now on, by the backend's own URIs. */
  readonly resources: (uris: ReadonlySet<string>) => void
}

/** Pause before a listen that ended is opened again, and the time a new one has to be acknowledged. */
const PAUSE = "1 second"
const ACKNOWLEDGED = "2 seconds"

/** From a backend without subscriptions: it is not asked again. */
const METHOD_NOT_FOUND = -32601

/** Watches until the scope closes. */
export const watch = (opened: Opened): Effect.Effect<Watch, never, Scope.Scope> =>
  opened.handshake.era === "modern" ? watchModern(opened.connection) : Effect.succeed(watchLegacy(opened.connection))

const quietly = { notify: () => {}, log: () => {} }

const watchLegacy = (connection: Connection): Watch => {
  let subscribed: ReadonlySet<string> = new Set()
  const tell = (method: string, uri: string) =>
    connection.call(ownCall(method, `"uri":${JSON.stringify(uri)}`, uri), { ...quietly, done: () => {} })
  return {
    resources: (uris) => {
      for (const uri of uris) if (!subscribed.has(uri)) tell("resources/subscribe", uri)
      for (const uri of subscribed) if (!uris.has(uri)) tell("resources/unsubscribe", uri)
      subscribed = new Set(uris)
    }
  }
}

const filterFor = (uris: ReadonlySet<string>) =>
  `"notifications":${
    JSON.stringify({
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: [...uris]
    })
  }`

const watchModern = Effect.fnUntraced(function*(connection: Connection): Effect.fn.Return<Watch, never, Scope.Scope> {
  let wanted: ReadonlySet<string> = new Set()
  let changed = Deferred.makeUnsafe<void>()
  let close = () => {}

  const listenAnew = Effect.gen(function*() {
    const before = close
    const ended = Deferred.makeUnsafe<Answer>()
    const acknowledged = Deferred.makeUnsafe<void>()
    changed = Deferred.makeUnsafe<void>()
    close = connection.call(ownCall("subscriptions/listen", filterFor(wanted)), {
      ...quietly,
      notify: () => Deferred.doneUnsafe(acknowledged, Exit.void),
      done: (answer) => Deferred.doneUnsafe(ended, Exit.succeed(answer))
    })
    yield* Effect.raceFirst(Deferred.await(acknowledged), Effect.asVoid(Deferred.await(ended))).pipe(Effect.timeoutOption(ACKNOWLEDGED))
    before()
    const answer = yield* Effect.raceFirst(Deferred.await(ended), Effect.as(Deferred.await(changed), undefined))
    if (answer?.kind === "error" && answer.error.code === METHOD_NOT_FOUND) return yield* Effect.never
    if (answer !== undefined) yield* Effect.sleep(PAUSE)
  })

  yield* Effect.addFinalizer(() => Effect.sync(() => close()))
  yield* Effect.forkScoped(Effect.forever(listenAnew))
  return {
    resources: (uris) => {
      if (uris.size === wanted.size && [...uris].every((uri) => wanted.has(uri))) return
      wanted = uris
      Deferred.doneUnsafe(changed, Exit.void)
    }
  }
})
