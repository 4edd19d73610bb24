/**
 * Loads a server from a folder or file of this machine, or a command of it. It runs in place, as it is; with
 * `install` a copy is built in the cache and runs instead. Relative paths start at the manifest's folder.
 */
import { createHash } from "node:crypto"
import { Effect, FileSystem, Path, Schema } from "effect"
import { Loader, Plugin, Runtime } from "#plugin"
import { build, launch } from "./build/Build.ts"
import { buildKeys, PUBLIC_INDEX, PUBLIC_REGISTRY } from "./build/Keys.ts"
import { changed } from "./local/Changed.ts"
import { copyOf, LEFT_OUT } from "./local/Copy.ts"

const LocalSource = Schema.Struct({
  path: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Folder or file of the server; how to run it is found out from package.json, the file's type or a usual name"
  })),
  command: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Program to run instead of what would be detected, with config.args as its arguments"
  })),
  watch: Schema.optionalKey(Schema.Boolean.annotate({
    description: "Start the server anew when the file, or a file of the folder, changes: the old one serves until the new one is ready"
  })),
  install: Schema.optionalKey(Schema.Boolean.annotate({
    description: "Build a copy of the folder in the cache and run that: dependencies from its lock file, then what it is built by"
  })),
  pin: Schema.optionalKey(Schema.Boolean.annotate({
    description: "The hash of the folder goes into manifold.lock, and serve --frozen refuses one that has changed since"
  })),
  build: buildKeys.build,
  registry: buildKeys.registry,
  index_url: buildKeys.index_url
}).check(Schema.makeFilter(({ build, command, index_url, path, registry, ...source }) => {
  const { install = false } = source
  if (path === undefined && command === undefined) return "write `path` (a folder or file) or `command`"
  const lost = (["install", "pin", "watch"] as const).find((key) => source[key] === true)
  if (path === undefined && lost !== undefined) return { path: [lost], issue: "needs path: the folder it is about" }
  const [unused] = Object.entries({ build, registry, index_url }).find(([, value]) => value !== undefined && value !== false) ?? []
  return install || unused === undefined ? true : { path: [unused], issue: "goes with install: true; a folder that runs in place is not built" }
}))

export default Plugin.define("loader", {
  name: "local",
  summary: "Runs a folder, a file or a command of this machine, in place or from a copy that it builds",
  config: LocalSource,
  build: Effect.fnUntraced(function*(config): Effect.fn.Return<Loader.Loader<Plugin.Lent>, never, Plugin.Lent> {
    const { path: written, command, install = false, pin = false, watch = false } = config
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const host = yield* Plugin.Host

    const source = `local ${written ?? command}`
    const target = written === undefined ? undefined : path.resolve(host.directory, written)
    const program = command?.includes("/") === true ? path.resolve(host.directory, command) : command
    const failed = (step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })

    const existing = (file: string) => Effect.mapError(files.realPath(file), failed("find", "check the path"))
    const folderOf = Effect.fnUntraced(function*(file: string) {
      const { type } = yield* files.stat(file).pipe(Effect.orDie)
      return type === "Directory" ? file : path.dirname(file)
    })
    const hashOf = (place: string) =>
      Effect.flatMap(folderOf(place), (folder) => Effect.mapError(host.treeHash(folder, LEFT_OUT), failed("read the folder", "make it readable")))

    const resolve = Effect.gen(function*() {
      const place = target === undefined ? host.directory : yield* existing(target)
      const run = program === undefined || program === command ? program ?? "" : yield* existing(program)
      if (!install && !pin) return { source, digest: `local:${place}:${run}` }
      const tree = yield* hashOf(place)
      const { build: built, index_url, registry } = config
      // Another machine has the folder elsewhere.
      const digest = `local:${tree} ${JSON.stringify({ build: built, command, index_url, registry })}`
      return { source, digest, ...pin && { pin: { tree } } }
    })

    /** What the whole of it is now; of a file, that file alone. */
    const content = Effect.fnUntraced(function*(place: string) {
      const { type } = yield* files.stat(place)
      return type === "Directory" ? yield* host.treeHash(place, LEFT_OUT) : createHash("sha256").update(yield* files.readFile(place)).digest("hex")
    })
    const followed = watch && target !== undefined ? { changed: changed(target, content(target)) } : {}

    if (install && target !== undefined) {
      const inside = (directory: string) => ({ root: path.join(directory, "source"), place: path.join(directory, "source"), venv: path.join(directory, "venv") })
      return {
        ...followed,
        follows: true,
        resolve,
        prepare: Effect.fn("local.prepare")(function*({ digest, pin: known = {} }: Loader.Resolved, directory: string) {
          const { registry = PUBLIC_REGISTRY, index_url: index = PUBLIC_INDEX } = config
          const place = yield* existing(target)
          if (place !== (yield* folderOf(place))) return yield* failed("copy the folder", "write the folder as path")(new Error("it is a file"))
          yield* copyOf(source, place, inside(directory).root)
          if (!digest.startsWith(`local:${yield* hashOf(inside(directory).root)} `)) {
            return yield* failed("copy the folder", "try again when nobody writes into it")(new Error("it changed meanwhile"))
          }
          return yield* build({ source, ...inside(directory), build: config.build, isCommanded: command !== undefined, registry, index, pin: known })
        }),
        launch: (directory: string) => launch({ source, ...inside(directory), command })
      }
    }
    return {
      ...followed,
      resolve,
      launch: Effect.fn("local.launch")(function*() {
        const place = target === undefined ? host.directory : yield* existing(target)
        if (program === undefined) return yield* Runtime.detect(place)
        return { _tag: "Stdio", command: program, args: [], directory: yield* folderOf(place) } satisfies Loader.Stdio
      })
    }
  })
})
