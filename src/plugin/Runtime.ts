/**
 * Finds how to run what lies in a folder or file, without running or installing anything.
 * A folder's package.json speaks for it (`bin`, then `main`); else an entry with a usual name, else the only script or program.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { Host } from "./Host.ts"
import { LoadFailed, type Stdio } from "./Loader.ts"

const NODE_FILE = /\.(?:m?js|cjs|m?ts|cts)$/u
const PYTHON_FILE = /\.py$/u
const NODE_INTERPRETER = /[/ ]node(?:\s|$)/u
const EXECUTABLE_BITS = 0o111
/** Scripts that stand beside what is run. */
const BESIDE = /^(?:setup|conftest)\.py$|\.d\.[mc]?ts$|\.(?:config|test|spec)\.|^test_/u
const USUAL_ENTRIES = ["index", "server", "main"].flatMap((name) => ["mjs", "js", "cjs", "ts"].map((type) => `${name}.${type}`))
  .concat("__main__.py", "main.py", "server.py")

/** What of a package.json tells how to run the package. */
export const Manifest = Schema.fromJsonString(Schema.Struct({
  name: Schema.optionalKey(Schema.String),
  main: Schema.optionalKey(Schema.String),
  bin: Schema.optionalKey(Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.String)]))
}))

/** @param python what runs Python files; the one on PATH unless told */
export const detect = Effect.fn("Runtime.detect")(function*(target: string, python = "python3") {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const kind = yield* files.stat(target).pipe(Effect.mapError(failed(target, "check that the path exists")))

  const entry = kind.type === "Directory" ? yield* entryOf(target) : { file: target, why: "as written" }
  const { by, ...command } = yield* commandFor(entry.file, python)
  const directory = kind.type === "Directory" ? target : path.dirname(target)
  const detected = `${path.relative(directory, entry.file)} (${entry.why}), run ${by}`
  return { _tag: "Stdio", directory, ...command, detected } satisfies Stdio
})

/** The file a package's `bin` names: the one asked for, else the only one, else the one named like the package. */
export const binOf = (manifest: typeof Manifest.Type, wanted?: string): Option.Option<string> => {
  const { bin, name = "" } = manifest
  const unscoped = name.slice(name.lastIndexOf("/") + 1)
  if (bin === undefined) return Option.none()
  if (typeof bin === "string") return wanted === undefined || wanted === unscoped ? Option.some(bin) : Option.none()
  const names = Object.keys(bin)
  const chosen = wanted ?? (names.length === 1 ? names[0] : unscoped)
  return chosen !== undefined && Object.hasOwn(bin, chosen) ? Option.fromUndefinedOr(bin[chosen]) : Option.none()
}

/** The file that a folder is run by, and why that one; it may be one that is still to be built. */
export const entryOf = Effect.fnUntraced(function*(directory: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const packageFile = path.join(directory, "package.json")

  if (yield* files.exists(packageFile).pipe(Effect.orElseSucceed(() => false))) {
    const manifest = yield* files.readFileString(packageFile).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Manifest)),
      Effect.mapError(failed(packageFile, "correct package.json"))
    )
    const bin = binOf(manifest)
    const named = Option.orElse(bin, () => Option.fromUndefinedOr(manifest.main))
    if (Option.isSome(named)) {
      const file = path.join(directory, named.value)
      if (file.startsWith(directory + path.sep)) return { file, why: `${Option.isSome(bin) ? "bin" : "main"} of package.json` }
      return yield* failed(packageFile, "do not run this")(new Error("it names a file outside of its folder"))
    }
  }

  const present = new Set(yield* files.readDirectory(directory).pipe(Effect.mapError(failed(directory, "make it readable"))))
  const usual = USUAL_ENTRIES.find((name) => present.has(name))
  if (usual !== undefined) return { file: path.join(directory, usual), why: "a usual name" }
  const only = yield* onlyOf(directory, [...present])
  if (only !== undefined) return only
  return yield* failed(directory, "write `command`, or name an entry file as `path`")(
    new Error(`no bin or main in package.json, none of ${USUAL_ENTRIES.join(", ")}, and not one script or program alone`)
  )
})

/** The one script of a folder, or else its one executable file. */
const onlyOf = Effect.fnUntraced(function*(directory: string, names: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const scripts = names.filter((name) => (NODE_FILE.test(name) || PYTHON_FILE.test(name)) && !BESIDE.test(name))
  if (scripts.length === 1) return { file: path.join(directory, scripts[0] ?? ""), why: "the only script" }
  if (scripts.length > 1) return undefined
  const programs = yield* Effect.filter(names, (name) =>
    Effect.match(files.stat(path.join(directory, name)), {
      onSuccess: ({ mode, type }) => type === "File" && (mode & EXECUTABLE_BITS) !== 0,
      onFailure: () => false
    }))
  return programs.length === 1 ? { file: path.join(directory, programs[0] ?? ""), why: "the only program" } : undefined
})

const commandFor = Effect.fnUntraced(function*(file: string, python: string) {
  const files = yield* FileSystem.FileSystem
  const { node } = yield* Host
  const { mode } = yield* files.stat(file).pipe(Effect.mapError(failed(file, "build the server first, or correct its entry")))

  if (NODE_FILE.test(file)) return { command: node, args: [file], by: "by Node.js" }
  if (PYTHON_FILE.test(file)) return { command: python, args: [file], by: "by Python" }
  const interpreter = yield* interpreterOf(file)
  if (NODE_INTERPRETER.test(interpreter)) return { command: node, args: [file], by: "by Node.js, as its first line says" }
  if ((mode & EXECUTABLE_BITS) !== 0) return { command: file, args: [], by: "as it is, since it is executable" }
  return yield* failed(file, "write `command`, or make the file executable")(
    new Error("neither JavaScript, Python nor an executable file")
  )
})

/** The first line of a script, when it begins with `#!`; only that much of the file is read. */
const interpreterOf = Effect.fnUntraced(function*(file: string) {
  const files = yield* FileSystem.FileSystem
  const opened = yield* files.open(file, { flag: "r" })
  const start = yield* opened.readAlloc(128)
  const line = new TextDecoder().decode(Option.getOrElse(start, () => new Uint8Array())).split("\n", 1)[0] ?? ""
  return line.startsWith("#!") ? line : ""
}, Effect.scoped, (effect, file) => Effect.mapError(effect, failed(file, "make it readable")))

const failed = (source: string, next: string) => (cause: unknown) =>
  new LoadFailed({ source, step: "detect runtime", next, cause })
