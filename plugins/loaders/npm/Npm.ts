/**
 * Runs the npm of this machine. It sees no configuration but these flags: no npmrc of the user, no `npm_config_*`,
 * no scripts; nothing but packages of one registry. It has ten minutes, and goes when nobody waits any more.
 */
import { Effect, Path } from "effect"
import { Builder, Loader, Plugin } from "#plugin"
import { npmCommand } from "./Command.ts"

export interface Running {
  /** As a person names it. */
  readonly source: string
  readonly registry: string
  readonly directory: string
}

export const failed = ({ source }: Pick<Running, "source">, step: string, next: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step, next, cause })

/** Gives what it prints. */
export const runNpm = Effect.fnUntraced(function*(running: Running, verb: string, args: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const { workspace } = yield* Plugin.Host
  const npm = yield* npmCommand(running.source)
  return yield* Builder.run({
    source: running.source,
    step: `npm ${verb}`,
    command: npm.command,
    args: [...npm.args, verb, ...flags(path, workspace, running), ...args],
    // It alone runs scripts, those that are allowed.
    isForeign: verb === "rebuild",
    directory: running.directory,
    explain: (output) => ({ why: reasonOf(output), next: nextFor(output, args) })
  })
})

/** These alone keep npm from reading the npmrc of the user and of the machine. */
export const privateFlags = (path: Path.Path, workspace: string) => [
  "--no-update-notifier",
  `--cache=${path.join(workspace, "npm-cache")}`,
  `--userconfig=${path.join(workspace, "npmrc")}`,
  `--globalconfig=${path.join(workspace, "npmrc-global")}`
]

const flags = (path: Path.Path, workspace: string, { registry }: Running) => [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
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
  ...privateFlags(path, workspace)
]

/** What npm says went wrong, without its pointers to a log file that only we can read. */
const reasonOf = (output: string) =>
  output.split("\n")
    .filter((line) => line.startsWith("npm error") && !/A complete log|debug-\d|npm error code/u.test(line))
    .map((line) => line.replace(/^npm error (?:\d+ )?/u, "").trim())
    .filter((line) => line !== "")
    .slice(0, 3)
    .join("; ") || "npm gave no reason"

const nextFor = (output: string, options: ReadonlyArray<string>) => {
  if (output.includes("No versions available") && options.some((option) => option.startsWith("--before="))) return "all its versions are younger than minimum_release_age: wait, or take a shorter one"
  if (output.includes("with a date before")) return "it is younger than minimum_release_age: wait, or take an older version"
  if (output.includes("No match found for version")) return "check the version: the registry does not have it"
  if (output.includes("E404")) return "check the name of the package"
  if (output.includes("ETARGET")) return "check the version: the registry does not have it"
  if (output.includes("EUSAGE")) return "bring package-lock.json up to date: npm install --package-lock-only"
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/u.test(output)) return "check the network and `registry`"
  return "see the reason"
}
