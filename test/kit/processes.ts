/** The ids of the processes that work in a folder, as /proc knows them. */
import { readdir, readlink } from "node:fs/promises"
import { Effect } from "effect"

export const processesIn = (directory: string): Effect.Effect<ReadonlyArray<number>> =>
  Effect.promise(async () => {
    const ids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name))
    const places = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => "")))
    return ids.filter((_, index) => places[index]?.startsWith(directory) === true).map(Number)
  })
