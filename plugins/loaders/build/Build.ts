/**
 * From fetched code to something that runs: what kind it is, its dependencies, its build.
 * What was found and why is written beside the code, for the status of every later start.
 */
import { Effect, FileSystem, Path } from "effect"
import { type Loader, Plugin, Runtime } from "#plugin"
import { buildNode } from "./Node.ts"
import { type Done, failed, type Wanted } from "./Wanted.ts"

const NOTE = "detected"

/** In the order in which they speak for a folder. */
const KINDS = [
  ["package.json", "node"],
  ["Dockerfile", "docker"]
] as const

export const build = Effect.fn("build")(function*(wanted: Wanted) {
  const present = yield* filesIn(wanted)
  const kind = KINDS.find(([name]) => present.has(name))?.[1]
  const { pin, steps } = yield* builtAs(kind, wanted)
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.mapError(files.writeFileString(path.join(wanted.root, "..", NOTE), steps.join("; ")), failed(wanted, "write a note", "check the data directory"))
  return pin
})

const builtAs = (kind: string | undefined, wanted: Wanted): Effect.Effect<Done, Loader.LoadFailed, Plugin.Lent> => {
  switch (kind) {
    case "node":
      return buildNode(wanted)
    case "docker":
      return wanted.isCommanded ? AS_IT_IS : Effect.fail(failed(wanted, "detect runtime", "use type docker, or write `command`")(new Error("it has a Dockerfile and nothing else that says how to run it")))
    default:
      return AS_IT_IS
  }
}

const AS_IT_IS: Effect.Effect<Done> = Effect.succeed({ steps: [], pin: {} })

const filesIn = Effect.fnUntraced(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refused = failed(wanted, "find its folder", "check `subdirectory`")
  return new Set(yield* Effect.mapError(files.readDirectory(wanted.place), () => refused(new Error(`there is no folder ${path.relative(wanted.root, wanted.place)}`))))
})

export interface Prepared {
  readonly source: string
  readonly root: string
  readonly place: string
  readonly venv: string
  readonly command: string | undefined
}

/** How what `build` has left is run. */
export const launch = Effect.fnUntraced(function*(prepared: Prepared) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const note = yield* Effect.orElseSucceed(files.readFileString(path.join(prepared.root, "..", NOTE)), () => "")
  const found = prepared.command === undefined ? yield* Runtime.detect(prepared.place) : yield* commanded(prepared, prepared.command)
  const detected = [found.detected, note].filter((each) => each !== undefined && each !== "").join("; ")
  return { ...found, detected } satisfies Loader.Stdio
})

/** A program with a slash is a file of the server's folder, and of no other. */
const commanded = Effect.fnUntraced(function*(prepared: Prepared, command: string) {
  const path = yield* Path.Path
  const said = { _tag: "Stdio", args: [], directory: prepared.place, detected: `${command} (as the manifest says)` } as const
  if (!command.includes("/")) return { ...said, command }
  const program = path.resolve(prepared.place, command)
  if (!path.isAbsolute(command) && program.startsWith(prepared.place + path.sep)) return { ...said, command: program }
  return yield* failed(prepared, "find command", "write a program of the server's folder, or one on PATH")(new Error(`${command} lies outside of it`))
})
