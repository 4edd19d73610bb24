/** A copy of a folder of this machine to build in, without what is made anew there; a link that leads out of the folder is refused. */
import { Effect } from "effect"
import { cp, lstat, realpath } from "node:fs/promises"
import { basename, sep } from "node:path"
import { Loader } from "#plugin"

/** What comes from the source, or is nobody's to copy. */
export const LEFT_OUT: ReadonlySet<string> = new Set([".git", ".manifold", ".venv", "venv", "__pycache__", "node_modules"])

export const copyOf = (source: string, from: string, to: string) =>
  Effect.tryPromise({
    try: async () => {
      const root = await realpath(from)
      await cp(root, to, {
        recursive: true,
        verbatimSymlinks: true,
        filter: async (file) => {
          if (file !== root && LEFT_OUT.has(basename(file))) return false
          if ((await lstat(file)).isSymbolicLink() && !(await realpath(file)).startsWith(root + sep)) throw new Error(`${file} is a link that leads out of the folder`)
          return true
        }
      })
    },
    catch: (cause) => new Loader.LoadFailed({ source, step: "copy the folder", next: "write install: false, or move what it needs into it", cause })
  })
