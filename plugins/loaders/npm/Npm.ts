/**
 * Runs the npm of this machine. It sees no configuration but these flags: no npmrc of the user, no `npm_config_*`,
 * no scripts; nothing but packages of one registry. It has ten minutes, and goes when nobody waits any more.
 */
import { Effect, Path, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { Loader, Plugin } from "#plugin"
import { npmCommand } from "./Command.ts"

export interface Running {
  /** As a person names it. */
  readonly source: string
  readonly registry: string
  readonly directory: string
}

const PATIENCE = "10 minutes"

export const failed = ({ source }: Pick<Running, "source">, step: string, next: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step, next, cause })

/** Gives what it prints. */
export const runNpm = Effect.fnUntraced(function*(running: Running, verb: string, args: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const { environment, workspace } = yield* Plugin.Host
  const npm = yield* npmCommand(running.source)
  const child = yield* ChildProcess.make(npm.command, [...npm.args, verb, ...flags(path, workspace, running), ...args], {
    cwd: running.directory,
    env: { ...environment, HOME: workspace },
    stdin: "ignore",
    forceKillAfter: "2 seconds"
  })
  const [output, errors] = yield* Effect.all([text(child.stdout), text(child.stderr)], { concurrency: 2 })
  const code = yield* child.exitCode
  if (code !== 0) return yield* failed(running, `npm ${verb}`, nextFor(errors))(new Error(reasonOf(errors)))
  return output
}, Effect.scoped, (effect, running, verb) =>
  effect.pipe(
    Effect.catchTag("PlatformError", (cause) => Effect.fail(failed(running, `npm ${verb}`, "check npm")(cause))),
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () => Effect.fail(failed(running, `npm ${verb}`, "check the network and `registry`")(new Error(`it took longer than ${PATIENCE}`)))
    })
  ))

const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))

const flags = (path: Path.Path, workspace: string, { registry }: Running) => [
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
  if (output.includes("No match found for version")) return "check the version: the registry does not have it"
  if (output.includes("E404")) return "check the name of the package"
  if (output.includes("ETARGET")) return "check the version: the registry does not have it"
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/u.test(output)) return "check the network and `registry`"
  return "see the reason"
}
