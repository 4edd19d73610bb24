/**
 * Says when a file, or what is in a folder, is something else than it was: it is looked at when something happened there,
 * and now and then because such events get lost, and what counts is its content. What is made anew there does not count.
 */
import { type FSWatcher, readdirSync, watch } from "node:fs"
import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Queue } from "effect"
import { LEFT_OUT } from "./Copy.ts"

/** A build writes for a while: nothing happens for as long as this before it is looked at. */
const SETTLED = "250 millis"
/** How often that is waited for: what is written to all the time never settles. */
const LONGEST = 20
const RESYNC = "30 seconds"

/** The folders whose events say that something below may have changed. */
const foldersOf = (folder: string): ReadonlyArray<string> => {
  try {
    const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !LEFT_OUT.has(entry.name))
    return [folder, ...inside.flatMap(({ name }) => foldersOf(join(folder, name)))]
  } catch {
    // Gone while it was read.
    return []
  }
}

/** One element for each event, until the scope closes. */
const eventsAt = Effect.fnUntraced(function*(place: string) {
  const queue = yield* Queue.unbounded<void>()
  const isFile = yield* Effect.promise(() => stat(place).then((found) => found.isFile(), () => true))
  const watched = (folder: string): ReadonlyArray<FSWatcher> => {
    try {
      const watcher = watch(folder, (_, name) => {
        if (name === null || !LEFT_OUT.has(name)) Queue.offerUnsafe(queue, undefined)
      })
      watcher.on("error", () => watcher.close())
      return [watcher]
    } catch {
      return []
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => (isFile ? [dirname(place)] : foldersOf(place)).flatMap(watched)),
    (watchers) => Effect.sync(() => watchers.forEach((watcher) => watcher.close()))
  )
  return queue
})

/** Ends when `content` of the place is not what it is now. */
export const changed = Effect.fnUntraced(function*<R>(place: string, content: Effect.Effect<string, unknown, R>) {
  // What cannot be read, such as a file that is being replaced, is something else too.
  const now = Effect.orElseSucceed(content, () => "")
  const before = yield* now
  const look = Effect.scoped(Effect.gen(function*() {
    const events = yield* eventsAt(place)
    // What happened before the events were heard.
    if ((yield* now) !== before) return true
    yield* Effect.timeoutOption(Queue.take(events), RESYNC)
    yield* Effect.repeat(Effect.andThen(Effect.sleep(SETTLED), Queue.clear(events)), { while: (heard) => heard.length > 0, times: LONGEST })
    return (yield* now) !== before
  }))
  yield* Effect.repeat(look, { until: (isOther) => isOther })
})
