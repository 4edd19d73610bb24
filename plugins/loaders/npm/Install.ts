/**
 * One package and its dependencies into an empty folder, by the npm of this machine.
 * npm sees no configuration but these flags: no npmrc of the user, no `npm_config_*`, no scripts.
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { Loader, Plugin } from "#plugin"
import { npmCommand } from "./Command.ts"

export interface Wanted {
  readonly source: string
  readonly name: string
  readonly version: string
  readonly registry: string
  readonly directory: string
  /** `sha512-...` of the package itself, where the manifest or a lock knows it. */
  readonly integrity: string | undefined
}

const LockFile = Schema.fromJsonString(Schema.Struct({
  packages: Schema.Record(
    Schema.String,
    Schema.Struct({
      version: Schema.optionalKey(Schema.String),
      integrity: Schema.optionalKey(Schema.String),
      inBundle: Schema.optionalKey(Schema.Boolean)
    })
  )
}))

/** Installs, verifies and gives the pin: the version and the integrity npm has checked the package against. */
export const install = Effect.fn("npm.install")(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { name, version, directory } = wanted
  const manifest = JSON.stringify({ private: true, dependencies: { [name]: version } })
  yield* files.writeFileString(path.join(directory, "package.json"), manifest).pipe(
    Effect.mapError(failed(wanted, "write package.json", "check the data directory"))
  )

  yield* Effect.logInfo(`installing ${name}@${version}`)
  yield* runNpm(wanted)
  yield* Effect.logInfo(`installed ${name}@${version}`)

  const lock = yield* files.readFileString(path.join(directory, "package-lock.json")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(LockFile)),
    Effect.mapError(failed(wanted, "read package-lock.json", "update npm"))
  )
  return yield* verified(wanted, lock)
})

const verified = Effect.fnUntraced(function*(wanted: Wanted, { packages }: typeof LockFile.Type) {
  const { version, integrity } = packages[`node_modules/${wanted.name}`] ?? {}
  const refuse = (text: string, next: string) => failed(wanted, "verify", next)(new Error(text))
  if (version !== wanted.version) {
    return yield* refuse(`got version ${version ?? "unknown"}`, "check the registry")
  }
  if (integrity?.startsWith("sha512-") !== true) {
    return yield* refuse("the registry gave no sha512 integrity", "use a registry that does")
  }
  // An older npm does not know the flags that forbid git, folders and addresses as dependencies.
  const foreign = Object.entries(packages).find(([place, { integrity, inBundle = false }]) =>
    place !== "" && integrity === undefined && !inBundle)
  if (foreign !== undefined) return yield* refuse(`${foreign[0]} does not come from the registry`, "do not use this package")
  if (wanted.integrity !== undefined && wanted.integrity !== integrity) {
    return yield* refuse(
      `integrity is ${integrity}, expected ${wanted.integrity}`,
      "the package was changed: find out why before you change the integrity"
    )
  }
  return { version, integrity }
})

const runNpm = Effect.fnUntraced(function*(wanted: Wanted) {
  const path = yield* Path.Path
  const { environment, workspace } = yield* Plugin.Host
  const npm = yield* npmCommand(wanted.source)
  const child = yield* ChildProcess.make(npm.command, [...npm.args, "install", ...flags(path, workspace, wanted)], {
    cwd: wanted.directory,
    env: { ...environment, HOME: workspace },
    stdin: "ignore",
    forceKillAfter: "2 seconds"
  })
  const output = yield* child.all.pipe(Stream.decodeText(), Stream.mkString)
  const code = yield* child.exitCode
  if (code !== 0) return yield* failed(wanted, "npm install", nextFor(output))(new Error(reasonOf(output)))
}, Effect.scoped, (effect, wanted) =>
  Effect.catchTag(effect, "PlatformError", (cause) => Effect.fail(failed(wanted, "npm install", "check npm")(cause))))

const flags = (path: Path.Path, workspace: string, { registry }: Wanted) => [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--omit=dev",
  "--package-lock=true",
  "--allow-git=none",
  "--allow-remote=none",
  "--allow-file=none",
  "--allow-directory=none",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
  "--loglevel=error",
  `--registry=${registry}`,
  `--cache=${path.join(workspace, "npm-cache")}`,
  `--userconfig=${path.join(workspace, "npmrc")}`,
  `--globalconfig=${path.join(workspace, "npmrc-global")}`
]

/** What npm says went wrong, without its pointers to a log file that only we can read. */
const reasonOf = (output: string) =>
  output.split("\n")
    .filter((line) => line.startsWith("npm error") && !/A complete log|debug-\d|npm error code/u.test(line))
    .map((line) => line.replace(/^npm error (?:\d+ )?/u, "").trim())
    .filter((line) => line !== "")
    .slice(0, 3)
    .join("; ") || "npm gave no reason"

const nextFor = (output: string) => {
  if (output.includes("E404")) return "check the name of the package"
  if (output.includes("ETARGET")) return "check the version: the registry does not have it"
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/u.test(output)) return "check the network and `registry`"
  return "see the reason"
}

const failed = ({ source }: Wanted, step: string, next: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step, next, cause })
