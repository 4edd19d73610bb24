/**
 * From fetched code to something that runs: what kind it is, its dependencies, its build.
 * What was found and why is written beside the code, for the status of every later start.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { type Loader, Plugin, Runtime } from "#plugin"
import { builtIn, commandOf } from "../python/Commands.ts"
import { buildNode } from "./Node.ts"
import { buildPython } from "./Python.ts"
import { type Done, failed, type Wanted } from "./Wanted.ts"

const NOTE = "detected"

type Kind = "node" | "python" | "docker" | "none"

const PYTHON = ["pyproject.toml", "setup.py", "requirements.txt"]

export const build = Effect.fn("build")(function*(wanted: Wanted) {
  const { pin, steps } = yield* builtAs(yield* kindOf(wanted), wanted)
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.mapError(files.writeFileString(path.join(wanted.root, "..", NOTE), steps.join("; ")), failed(wanted, "write a note", "check the data directory"))
  return pin
})

const builtAs = (kind: Kind, wanted: Wanted): Effect.Effect<Done, Loader.LoadFailed, Plugin.Lent> => {
  switch (kind) {
    case "node":
      return buildNode(wanted)
    case "python":
      return buildPython(wanted)
    case "docker":
      return wanted.isCommanded ? AS_IT_IS : Effect.fail(failed(wanted, "detect runtime", "use type docker, or write `command`")(new Error("it has a Dockerfile and nothing else that says how to run it")))
    case "none":
      return AS_IT_IS
  }
}

const AS_IT_IS: Effect.Effect<Done> = Effect.succeed({ steps: [], pin: {} })

/** A package.json speaks for a folder, but next to a Python project only where it says what to run. */
const kindOf = Effect.fnUntraced(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refused = failed(wanted, "find its folder", "check `subdirectory`")
  const present = yield* Effect.mapError(files.readDirectory(wanted.place), () => refused(new Error(`there is no folder ${path.relative(wanted.root, wanted.place)}`)))
  const isPython = PYTHON.some((name) => present.includes(name))
  if (present.includes("package.json")) {
    const text = yield* Effect.orElseSucceed(files.readFileString(path.join(wanted.place, "package.json")), () => "")
    const manifest = Option.getOrElse(Schema.decodeUnknownOption(Runtime.Manifest)(text), () => ({}))
    if (!isPython || "bin" in manifest || "main" in manifest) return "node"
  }
  return isPython ? "python" : present.includes("Dockerfile") && !(yield* hasEntry(wanted.place)) ? "docker" : "none"
})

const hasEntry = (place: string) => Effect.match(Runtime.entryOf(place), { onSuccess: () => true, onFailure: () => false })

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
  const found = prepared.command === undefined ? yield* detected(prepared) : yield* commanded(prepared, prepared.command)
  // What it is run from stays as it was made.
  const environment = { PYTHONDONTWRITEBYTECODE: "1" }
  return { ...found, environment, directory: prepared.place, detected: [found.detected, note].filter((each) => each !== undefined && each !== "").join("; ") } satisfies Loader.Stdio
})

const detected = Effect.fnUntraced(function*({ place, source, venv }: Prepared): Effect.fn.Return<Loader.Stdio, Loader.LoadFailed, Plugin.Lent> {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const python = path.join(venv, "bin", "python")
  if (!(yield* Effect.orElseSucceed(files.exists(python), () => false))) return yield* Runtime.detect(place)
  const own = yield* builtIn(venv)
  if (own === undefined) return yield* Runtime.detect(place, python)
  // A package without commands may still have a file with a usual name.
  return yield* Effect.catch(commandOf({ source, venv, name: own, script: undefined, module: undefined }), (none) =>
    Effect.mapError(Runtime.detect(place, python), () => none))
})

/** A program with a slash is a file of the server's folder, and of no other; one without is a command of its environment, or on PATH. */
const commanded = Effect.fnUntraced(function*({ place, source, venv }: Prepared, command: string): Effect.fn.Return<Loader.Stdio, Loader.LoadFailed, Plugin.Lent> {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const said = { _tag: "Stdio", args: [], detected: `${command} (as the manifest says)` } as const
  if (!command.includes("/")) {
    const own = path.join(venv, "bin", command)
    if (!(yield* Effect.orElseSucceed(files.exists(own), () => false))) return { ...said, command }
    return /^python[\d.]*$/u.test(command) ? { ...said, command: own } : { ...said, command: path.join(venv, "bin", "python"), args: [own] }
  }
  const program = path.resolve(place, command)
  if (!path.isAbsolute(command) && program.startsWith(place + path.sep)) return { ...said, command: program }
  return yield* failed({ source }, "find command", "write a program of the server's folder, or one on PATH")(new Error(`${command} lies outside of it`))
})
