/** One repository on a server of its own, and what a loader makes of it. */
import { Effect, FileSystem } from "effect"
import { commitTo, gitServer, publish, type Serving, workingCopy } from "./gitServer.ts"

/** A bare repository `r.git` over smart HTTP, with a working copy to change it by. */
export const repository = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>, serving: Serving = {}) {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "manifold-git-" })
  const copy = `${folder}/copy`
  const first = workingCopy(copy, content)
  const renew = () => publish(copy, `${folder}/bare/r.git`)
  renew()
  const server = yield* gitServer(`${folder}/bare`, serving)
  const again = (more: Readonly<Record<string, string>>) => {
    const commit = commitTo(copy, more)
    renew()
    return commit
  }
  return { folder, copy, first, renew, again, server, url: server.url("r.git") }
})

export const prepared = Effect.fnUntraced(function*<E, R>(
  loader: { readonly prepare: (resolved: { source: string; digest: string; pin?: Readonly<Record<string, string>> }, directory: string) => Effect.Effect<unknown, E, R> },
  resolved: { readonly source: string; readonly digest: string; readonly pin?: Readonly<Record<string, string>> }
) {
  const files = yield* FileSystem.FileSystem
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "manifold-artifact-" })
  yield* loader.prepare(resolved, directory)
  return directory
})
