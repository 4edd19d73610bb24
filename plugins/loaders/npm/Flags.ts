/** What every run of npm is told: no configuration of the machine or the user, one registry, and nothing but packages from it. */
import type { Path } from "effect"

/** Only these keep npm from reading the npmrc of the user and of the machine. */
export const privateFlags = (path: Path.Path, workspace: string) => [
  "--no-update-notifier",
  `--cache=${path.join(workspace, "npm-cache")}`,
  `--userconfig=${path.join(workspace, "npmrc")}`,
  `--globalconfig=${path.join(workspace, "npmrc-global")}`
]

export const installFlags = (path: Path.Path, workspace: string, registry: string) => [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--package-lock=true",
  "--allow-git=none",
  "--allow-remote=none",
  "--allow-file=none",
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

const nextFor = (output: string) => {
  if (output.includes("E404")) return "check the name of the package"
  if (output.includes("ETARGET")) return "check the version: the registry does not have it"
  if (output.includes("EUSAGE")) return "bring package-lock.json up to date: npm install --package-lock-only"
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/u.test(output)) return "check the network and `registry`"
  return "see the reason"
}

export const explainNpm = (output: string) => ({ why: reasonOf(output), next: nextFor(output) })
