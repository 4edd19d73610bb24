/**
 * Loads a server from a folder or file of this machine, or a command of it, and runs it in place.
 * Nothing is copied or installed; relative paths start at the manifest's folder.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Loader, Plugin, Runtime } from "#plugin"

const NOT_YET = "not supported yet: leave it out or write false"
const later = (description: string) =>
  Schema.optionalKey(Schema.Literal(false).annotate({ description: `${description} (not supported yet)`, message: NOT_YET }))

const LocalSource = Schema.Struct({
  path: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Folder or file of the server; how to run it is found out from package.json, the file's type or a usual name"
  })),
  command: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Program to run instead of what would be detected, with config.args as its arguments"
  })),
  watch: later("Restart the server when a file of the folder changes"),
  install: later("Install the dependencies into a copy of the folder"),
  pin: later("Refuse to run when the folder has changed since the lock was written"),
  build: later("Command that builds the server before it starts")
}).check(Schema.makeFilter(({ path, command }) =>
  path !== undefined || command !== undefined || "write `path` (a folder or file) or `command`"))

export default Plugin.define("loader", {
  name: "local",
  summary: "Runs a folder, a file or a command of this machine in place",
  config: LocalSource,
  build: Effect.fnUntraced(function*({ path: written, command }) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const host = yield* Plugin.Host

    const source = `local ${written ?? command}`
    const target = written === undefined ? undefined : path.resolve(host.directory, written)
    const program = command?.includes("/") === true ? path.resolve(host.directory, command) : command

    const existing = (file: string) =>
      files.realPath(file).pipe(
        Effect.mapError((cause) => new Loader.LoadFailed({ source, step: "find", next: "check the path", cause }))
      )
    const folderOf = Effect.fnUntraced(function*(file: string) {
      const { type } = yield* files.stat(file).pipe(Effect.orDie)
      return type === "Directory" ? file : path.dirname(file)
    })

    return {
      resolve: Effect.gen(function*() {
        const place = target === undefined ? host.directory : yield* existing(target)
        const run = program === undefined || program === command ? program ?? "" : yield* existing(program)
        return { source, digest: `local:${place}:${run}` }
      }),

      launch: Effect.fn("local.launch")(function*() {
        const place = target === undefined ? host.directory : yield* existing(target)
        if (program === undefined) return yield* Runtime.detect(place)
        return { _tag: "Stdio", command: program, args: [], directory: yield* folderOf(place) }
      })
    }
  })
})
