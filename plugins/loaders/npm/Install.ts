/**
 * One package and its dependencies into an empty folder, by the npm of this machine.
 * npm sees no configuration but these flags: no npmrc of the user, no `npm_config_*`, no scripts.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Builder, Loader, Plugin } from "#plugin"
import { npmCommand } from "./Command.ts"
import { explainNpm, installFlags } from "./Flags.ts"

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

const runNpm = Effect.fnUntraced(function*({ directory, registry, source }: Wanted) {
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const npm = yield* npmCommand(source)
  yield* Builder.run({
    source,
    step: "npm install",
    command: npm.command,
    args: [...npm.args, "install", "--omit=dev", "--allow-directory=none", ...installFlags(path, workspace, registry)],
    directory,
    explain: explainNpm
  })
})

const failed = ({ source }: Wanted, step: string, next: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step, next, cause })
