/**
 * Says when the manifest may have changed: something happened in a folder that holds
 * one of its files (editors and ConfigMaps replace files, they do not write them), and
 * every half minute whatever happened, because such events get lost.
 */
import { watch } from "node:fs"
import { dirname, resolve } from "node:path"
import { Effect, Queue, Schedule, Stream } from "effect"

const SETTLED = "100 millis"
const RESYNC = "30 seconds"

/** One element for each time to look again. */
export const changes = (files: ReadonlyArray<string>): Stream.Stream<void> => {
  const folders = [...new Set(files.map((file) => dirname(resolve(file))))]
  const events = Stream.callback<void>((queue) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        folders.flatMap((folder) => {
          try {
            const watcher = watch(folder, () => Queue.offerUnsafe(queue, undefined))
            // What happened between the last look and the watch is seen by one more look.
            Queue.offerUnsafe(queue, undefined)
            watcher.on("error", () => watcher.close())
            return [watcher]
          } catch {
            return []
          }
        })
      ),
      (watchers) => Effect.sync(() => watchers.forEach((watcher) => watcher.close()))
    )
  )
  const resync = Stream.drop(Stream.fromSchedule(Schedule.spaced(RESYNC)), 1)
  return Stream.merge(Stream.debounce(events, SETTLED), Stream.map(resync, () => undefined))
}
