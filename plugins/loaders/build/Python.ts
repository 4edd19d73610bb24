/**
 * Makes a Python server run: an environment of its own with its dependencies, as wheels by their hashes, and the
 * package that the folder is, if it is one. Building that is code of the repository; it gets the network and no secret.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { Toml } from "effect/encoding"
import { Loader, Plugin } from "#plugin"
import { interpreterFor } from "../python/Interpreter.ts"
import { type Locked, lockedIn } from "../python/Locked.ts"
import { installOptions, type Pip, pipFor, runPip } from "../python/Pip.ts"
import { refusal, requirementsIn } from "../python/Requirements.ts"
import { SPECIFIER } from "../python/Specifier.ts"
import { installWheels, makeVenv, wheelsFor, wheelsIn } from "../python/Wheels.ts"
import { type Done, failed, type Wanted } from "./Wanted.ts"

const Project = Schema.Struct({
  project: Schema.optionalKey(Schema.Struct({ "requires-python": Schema.optionalKey(Schema.String) })),
  "build-system": Schema.optionalKey(Schema.Unknown)
})

export const buildPython = Effect.fnUntraced(function*(wanted: Wanted): Effect.fn.Return<Done, Loader.LoadFailed, Plugin.Lent> {
  const { isPackage, python } = yield* projectIn(wanted)
  const interpreter = yield* interpreterFor(wanted.source, python)
  const pip = yield* pipFor({ source: wanted.source, interpreter, index: wanted.index })
  const into = yield* makeVenv(pip, wanted.venv)

  const locked = wheelsIn(wanted.pin)
  const { from, wheels } = locked.length > 0 ? { from: "manifold.lock", wheels: Object.fromEntries(locked) } : yield* dependenciesOf(wanted, pip, isPackage)
  yield* Effect.logInfo(`installing ${Object.keys(wheels).length} wheels for ${wanted.source}`)
  yield* installWheels(pip, wheels, wanted.venv)
  const steps = from === undefined ? [] : [`dependencies from ${from}`]
  if (!isPackage || wanted.build === false) return { steps, pin: wheels }
  yield* Effect.logInfo(`building ${wanted.source}`)
  yield* runPip(pip, ["install", "--no-deps", ...installOptions(pip), wanted.place], into)
  return { steps: [...steps, "its package built by pip"], pin: wheels }
})

/** Whether the folder is a package, and which Python it asks for. */
const projectIn = Effect.fnUntraced(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = Option.getOrUndefined(yield* Effect.option(files.readFileString(path.join(wanted.place, "pyproject.toml"))))
  const hasSetup = yield* Effect.orElseSucceed(files.exists(path.join(wanted.place, "setup.py")), () => false)
  if (text === undefined) return { isPackage: hasSetup, python: undefined }
  const project = yield* Effect.fromResult(Toml.parse(text)).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Project)),
    Effect.mapError(failed(wanted, "read pyproject.toml", "correct pyproject.toml"))
  )
  const python = project.project?.["requires-python"]
  return {
    isPackage: hasSetup || project.project !== undefined || project["build-system"] !== undefined,
    python: python !== undefined && SPECIFIER.test(python) ? python : undefined
  }
})

/** From requirements.txt, else from what the package says, within what a lock file allows. */
const dependenciesOf = Effect.fnUntraced(function*(wanted: Wanted, pip: Pip, isPackage: boolean) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = Option.getOrUndefined(yield* Effect.option(files.readFileString(path.join(wanted.place, "requirements.txt"))))
  if (text !== undefined) {
    const found = requirementsIn(text)
    if ("refused" in found) return yield* refusal(wanted.source, found.refused)
    if (found.requirements.length === 0) return { from: undefined, wheels: {} }
    const wheels = yield* withFile(wanted, `${found.requirements.join("\n")}\n`, (file) =>
      wheelsFor(pip, [...(found.isHashed ? ["--require-hashes"] : []), `--requirement=${file}`]))
    return { from: `requirements.txt${found.isHashed ? " with its hashes" : ""}`, wheels }
  }
  if (!isPackage) return { from: undefined, wheels: {} }
  const locked = (yield* lockedIn(wanted.place)) ?? (yield* lockedIn(wanted.root))
  if (locked === undefined) return { from: "the package's own list", wheels: yield* wheelsFor(pip, [wanted.place]) }
  const wheels = yield* withFile(wanted, locked.constraints, (file) => wheelsFor(pip, [`--constraint=${file}`, wanted.place]))
  return { from: locked.name, wheels: yield* within(wanted, locked, wheels) }
})

/** A file that is gone afterwards; pip takes such lists as files alone. */
const withFile = Effect.fnUntraced(function*<A, R>(wanted: Wanted, text: string, use: (file: string) => Effect.Effect<A, Loader.LoadFailed, R>) {
  const files = yield* FileSystem.FileSystem
  const { workspace } = yield* Plugin.Host
  const refused = failed(wanted, "write requirements", "check the data directory")
  const file = yield* Effect.mapError(files.makeTempFileScoped({ directory: workspace, prefix: "requirements-" }), refused)
  yield* Effect.mapError(files.writeFileString(file, text), refused)
  return yield* use(file)
}, Effect.scoped)

/** Of what the index has only what the lock file says it has. */
const within = Effect.fnUntraced(function*(wanted: Wanted, locked: Locked, wheels: Loader.Pin) {
  const known: Record<string, string> = {}
  for (const [wheel, hashes] of Object.entries(wheels)) {
    const right = locked.hashesOf(wheel.split("==", 1)[0] ?? "")
    known[wheel] = hashes.split(" ").filter((hash) => right.has(hash)).join(" ")
    if (known[wheel] !== "") continue
    return yield* failed(wanted, `check ${locked.name}`, "bring it up to date, or find out why the index has another file")(new Error(`it does not have ${wheel} with ${hashes}`))
  }
  return known
})
