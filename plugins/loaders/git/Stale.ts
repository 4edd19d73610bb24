/** What a killed process left in the workspace: folders of git and of ssh, which may hold a key, and of bundles. */
import { Clock, Effect, FileSystem, Option, Path } from "effect"
import { Plugin } from "#plugin"

const PREFIXES = ["git-", "ssh-", "mcpb-"]

/** No run takes as long. */
const STALE_AFTER_MS = 2 * 60 * 60 * 1000

export const removeStale = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const now = yield* Clock.currentTimeMillis
  const names = (yield* files.readDirectory(workspace)).filter((name) => PREFIXES.some((prefix) => name.startsWith(prefix)))
  for (const folder of names.map((name) => path.join(workspace, name))) {
    const { mtime } = yield* files.stat(folder)
    const made = Option.match(mtime, { onNone: () => now, onSome: (date) => date.getTime() })
    if (now - made > STALE_AFTER_MS) yield* files.remove(folder, { recursive: true, force: true })
  }
}).pipe(Effect.ignore)
