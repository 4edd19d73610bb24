/**
 * Runs pip: the one that this Python has, else one of Manifold's own; none goes into an artifact. It reads no configuration and no
 * variable of the machine or the user, asks one index and no other, and takes wheels alone: no package runs code to be installed.
 */
import { Effect, FileSystem, Path } from "effect"
import { Builder, Loader, Plugin } from "#plugin"
import type { Interpreter } from "./Interpreter.ts"
import { fits } from "./Specifier.ts"

export interface Pip {
  readonly source: string
  readonly interpreter: Interpreter
  /** The Python that pip belongs to. */
  readonly command: string
  readonly index: string
}

export const ENVIRONMENT = {
  PIP_CONFIG_FILE: "/dev/null",
  PYTHONNOUSERSITE: "1",
  // What is built is a commit's files without their repository, which some would ask for a version.
  SETUPTOOLS_SCM_PRETEND_VERSION: "0.0.0"
}

/** The first that installs into other environments and writes reports. */
const OLDEST = ">=22.3"

/** Where this Python has no pip that will do, an environment with one is made when it is asked for the first time. */
export const pipFor = Effect.fnUntraced(function*({ index, interpreter, source }: Omit<Pip, "command">) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  if (interpreter.pip !== undefined && fits(interpreter.pip, OLDEST)) return { source, interpreter, command: interpreter.command, index } satisfies Pip
  const home = path.join(workspace, `pip-${interpreter.version}`)
  const command = path.join(home, "bin", "python")
  const pip: Pip = { source, interpreter, command, index }
  if (yield* Effect.orElseSucceed(files.exists(command), () => false)) return pip

  const draft = yield* files.makeTempDirectoryScoped({ directory: workspace, prefix: "pip-draft-" })
  yield* Builder.run({
    source,
    step: "python -m venv",
    command: interpreter.command,
    args: ["-I", "-m", "venv", path.join(draft, "venv")],
    directory: workspace,
    environment: ENVIRONMENT,
    explain: (output) => output.includes("ensurepip") ? { why: "this Python has no ensurepip", next: "install it: apt install python3-venv" } : {}
  })
  // Of a Python that is gone, if any.
  yield* files.remove(home, { recursive: true, force: true })
  yield* Effect.catch(files.rename(path.join(draft, "venv"), home), (cause) =>
    // Another one was first.
    Effect.flatMap(files.exists(command), (isThere) => isThere ? Effect.void : Effect.fail(cause)))
  return pip
}, Effect.scoped, (effect, { source }) =>
  Effect.catchTag(effect, "PlatformError", (cause) =>
    Effect.fail(new Loader.LoadFailed({ source, step: "make an environment for pip", next: "check the data directory", cause }))))

/** @param into the Python of another environment, where that is what is installed into */
export const runPip = Effect.fnUntraced(function*(pip: Pip, args: ReadonlyArray<string>, into?: string) {
  const path = yield* Path.Path
  const { environment, workspace } = yield* Plugin.Host
  const certificates = environment["SSL_CERT_FILE"]
  const common = [
    "--isolated",
    "--no-input",
    "--no-color",
    "--quiet",
    "--disable-pip-version-check",
    "--retries=1",
    "--timeout=30",
    `--cache-dir=${path.join(workspace, "pip-cache")}`,
    ...(certificates === undefined ? [] : [`--cert=${certificates}`]),
    ...(into === undefined ? [] : [`--python=${into}`])
  ]
  return yield* Builder.run({
    source: pip.source,
    step: `pip ${args[0] ?? ""}`,
    command: pip.command,
    args: ["-I", "-m", "pip", ...common, ...args],
    directory: workspace,
    environment: ENVIRONMENT,
    explain
  })
})

/** Of every `pip install`; beside them stand only requirements. */
export const installOptions = ({ index }: Pip) => ["--only-binary=:all:", `--index-url=${index}`, "--no-warn-script-location"]

const NEXT: ReadonlyArray<readonly [RegExp, string]> = [
  [/DO NOT MATCH THE HASHES/u, "the index has other files than the lock says: find out why before you write the lock anew"],
  [/requires a different python|Requires-Python|Python version/iu, "install a Python that the package takes, or ask for another version of it"],
  [/from versions: none/u, "check the name and `index_url`: the index has no wheel of it that fits this machine, and source distributions are refused"],
  [/Could not find a version|No matching distribution/u, "check the version: the index does not have it as a wheel"],
  [/ResolutionImpossible|conflicting dependencies/u, "its dependencies contradict each other: ask for another version"],
  [/NewConnectionError|Temporary failure in name resolution|ConnectTimeout|Connection refused|Max retries/iu, "check the network and `index_url`"],
  [/no such option|unrecognized arguments/u, "update Python: its pip is older than 22.3"]
]

const explain = (output: string) => ({
  why: output.split("\n").map((line) => line.trim()).filter((line) => /^ERROR|^Expected|^Got|DO NOT MATCH/u.test(line)).slice(0, 4).join("; ").slice(0, 800) || undefined,
  next: NEXT.find(([pattern]) => pattern.test(output))?.[1]
})
