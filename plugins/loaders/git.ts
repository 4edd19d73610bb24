/**
 * Loads a server from a git repository.
 *
 * A branch or tag is only a question; the answer, one full commit, goes into
 * the lock and is what gets fetched, so two machines never run two things.
 */
import { Effect, FileSystem, Path } from "effect"
import { Loader, Plugin } from "#plugin"
import { build, launch } from "./build/Build.ts"
import { PUBLIC_INDEX, PUBLIC_REGISTRY } from "./build/Keys.ts"
import { checkout } from "./git/Checkout.ts"
import type { Remote } from "./git/Command.ts"
import { commitOf } from "./git/Resolve.ts"
import { COMMIT, GitSource } from "./git/Source.ts"
import { sshConfig } from "./git/Ssh.ts"
import { removeStale } from "./git/Stale.ts"

export default Plugin.define("loader", {
  name: "git",
  summary: "Fetches a git repository at one exact commit, builds it where that is needed, and runs it",
  config: GitSource,
  build: Effect.fnUntraced(function*(config) {
    const path = yield* Path.Path
    const { branch, command, commit, index_url: index = PUBLIC_INDEX, registry = PUBLIC_REGISTRY, subdirectory = ".", tag, token, url, username } = config
    const ref = tag !== undefined ? `refs/tags/${tag}` : branch !== undefined ? `refs/heads/${branch}` : undefined
    const source = `git ${url}`

    const remoteWith = Effect.fnUntraced(function*(named: string) {
      yield* removeStale
      return { source: named, url, token, username: username ?? "x-access-token", sshConfig: yield* sshConfig(named, config) } satisfies Remote
    })
    const inside = (directory: string) => {
      const root = path.join(directory, "source")
      return { root, place: path.join(root, subdirectory), venv: path.join(directory, "venv") }
    }
    const exactly = (found: string): Loader.Resolved => ({
      source: `${source}@${found}`,
      digest: `git:${url}@${found}${subdirectory === "." ? "" : `#${subdirectory}`}${differently(config)}`,
      pin: { commit: found, ...(ref === undefined ? {} : { ref }) }
    })

    return {
      resolve: commit !== undefined
        ? Effect.succeed(exactly(commit))
        : remoteWith(source).pipe(
          Effect.flatMap((remote) => commitOf(remote, ref ?? "HEAD")),
          Effect.map(exactly),
          Effect.scoped
        ),

      prepare: Effect.fn("git.prepare")(function*({ pin = {}, source: named }, directory) {
        const { place, root, venv } = inside(directory)
        const wanted = pin["commit"] ?? commit ?? ""
        // It comes from a file that people merge by hand.
        if (!COMMIT.test(wanted)) return yield* new Loader.LoadFailed({ source: named, step: "read the lock", next: "write it anew with manifold lock", cause: new Error("it has no full commit") })
        yield* Effect.logInfo(`fetching ${named}`)
        // The key is gone before code that was fetched is built.
        yield* Effect.scoped(Effect.flatMap(remoteWith(named), (remote) => checkoutInto(root, { remote, commit: wanted, ref })))
        return yield* build({ source: named, root, place, venv, build: config.build, isCommanded: command !== undefined, registry, index, pin })
      }),

      launch: (directory, { source: named }) => launch({ source: named, ...inside(directory), command })
    }
  })
})

/** What makes another artifact of the same commit. */
const differently = ({ build, command, index_url, registry }: GitSource): string => {
  const said = Object.entries({ build, isCommanded: command !== undefined || undefined, index_url, registry }).filter(([, value]) => value !== undefined)
  return said.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(said))}`
}

const checkoutInto = Effect.fnUntraced(function*(root: string, asked: Parameters<typeof checkout>[0]) {
  const files = yield* FileSystem.FileSystem
  yield* Effect.orDie(files.makeDirectory(root, { mode: 0o700 }))
  yield* checkout(asked, root)
})
