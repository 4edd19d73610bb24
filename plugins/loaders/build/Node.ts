/**
 * Makes a Node server run: its dependencies from the lock file it carries, without their install scripts, and where
 * the file it is run by is not there yet, its build. The build is code of the repository; it gets the network and no secret.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Builder, Plugin, Runtime } from "#plugin"
import { npmCommand } from "../npm/Command.ts"
import { privateFlags, runNpm } from "../npm/Npm.ts"
import { type Lock, lockOf, otherLockOf } from "./Lock.ts"
import { type Done, failed, type Wanted } from "./Wanted.ts"

const Names = Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))

const Manifest = Schema.fromJsonString(Schema.Struct({
  scripts: Names,
  dependencies: Names,
  optionalDependencies: Names,
  devDependencies: Names
}))

export const buildNode = Effect.fnUntraced(function*(wanted: Wanted): Effect.fn.Return<Done, ReturnType<ReturnType<typeof failed>>, Plugin.Lent> {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = yield* files.readFileString(path.join(wanted.place, "package.json")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Manifest)),
    Effect.mapError(failed(wanted, "read package.json", "correct package.json"))
  )
  const plan = yield* buildOf(wanted, manifest.scripts ?? {})
  const lock = yield* lockOf(wanted)
  const needed = { ...manifest.dependencies, ...manifest.optionalDependencies, ...(plan === undefined ? {} : manifest.devDependencies) }
  if (lock === undefined && Object.keys(needed).length > 0) return yield* withoutLock(wanted)

  yield* forgetConfiguration(wanted, lock)
  const steps: Array<string> = []
  if (lock !== undefined && Object.keys(needed).length > 0) {
    yield* npm(wanted, lock.folder, ["ci", ...(plan === undefined ? [] : ["--include=dev"])])
    steps.push(`dependencies from ${lock.name}`)
  }
  if (plan === undefined) return { steps, pin: {} }
  yield* Effect.logInfo(`building ${wanted.source}: ${plan.command.join(" ")}`)
  yield* runBuild(wanted, plan.command)
  if (lock !== undefined && Object.keys(manifest.devDependencies ?? {}).length > 0) yield* npm(wanted, lock.folder, ["prune"])
  return { steps: [...steps, `built by ${plan.command.join(" ")} (${plan.why})`], pin: {} }
})

/** What to build with, and why; nothing where the file that is run is there already. */
const buildOf = Effect.fnUntraced(function*(wanted: Wanted, scripts: Readonly<Record<string, unknown>>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (wanted.build === false) return undefined
  if (wanted.build !== undefined) return { command: wanted.build, why: "as the manifest says" }
  const exists = (file: string) => Effect.orElseSucceed(files.exists(file), () => false)
  if (!wanted.isCommanded) {
    const { file } = yield* Runtime.entryOf(wanted.place)
    if (yield* exists(file)) return undefined
    const why = `${path.relative(wanted.place, file)} is not in the source`
    if (typeof scripts["build"] === "string") return { command: ["npm", "run", "build"], why }
    if (yield* exists(path.join(wanted.place, "tsconfig.json"))) return { command: ["tsc", "--project", "tsconfig.json"], why }
    return yield* failed(wanted, "detect runtime", "write `build`, or correct package.json")(new Error(`${why}, and package.json has no build script`))
  }
  return typeof scripts["build"] === "string" ? { command: ["npm", "run", "build"], why: "it has a build script" } : undefined
})

const runBuild = Effect.fnUntraced(function*(wanted: Wanted, [program = "", ...args]: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const { environment, node, workspace } = yield* Plugin.Host
  const tools = [path.join(wanted.place, "node_modules", ".bin"), path.join(wanted.root, "node_modules", ".bin"), path.dirname(node)]
  const npm = yield* npmCommand(wanted.source)
  const named = program === "npm"
    ? { command: npm.command, args: [...npm.args, ...privateFlags(path, workspace), ...args] }
    : { command: program === "node" ? node : program, args }
  yield* Builder.run({
    source: wanted.source,
    step: `build (${[program, ...args].join(" ")})`,
    ...named,
    isForeign: true,
    directory: wanted.place,
    environment: { PATH: [...tools, environment["PATH"] ?? ""].join(":"), CI: "1" }
  })
})

/** Whatever address the lock file has for a package, it comes from the one registry. */
const npm = Effect.fnUntraced(function*({ registry, source }: Wanted, directory: string, [verb = "", ...options]: ReadonlyArray<string>) {
  yield* Effect.logInfo(`npm ${verb} for ${source}`)
  yield* runNpm({ source, registry, directory }, verb, [...options, "--replace-registry-host=always"])
})

/** A repository's own npmrc could name another registry, a token file or a shell. */
const forgetConfiguration = Effect.fnUntraced(function*(wanted: Wanted, lock: Lock | undefined) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const folder of new Set([wanted.place, wanted.root, lock?.folder ?? wanted.root])) {
    yield* Effect.mapError(files.remove(path.join(folder, ".npmrc"), { force: true }), failed(wanted, "remove .npmrc", "check the data directory"))
  }
})

const withoutLock = Effect.fnUntraced(function*(wanted: Wanted) {
  const other = yield* otherLockOf(wanted)
  const why = other === undefined ? "it has dependencies and no package-lock.json" : `${other} is not supported`
  return yield* failed(wanted, "install", "commit a package-lock.json: npm install --package-lock-only")(new Error(why))
})
