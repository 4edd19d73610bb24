/** A Python with the official SDK in it, from a folder of wheels that pip is told about; `pythonMissing` says why there is none. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect } from "effect"

/** A folder of wheels that pip is told about and that has `mcp`. */
const wheelIndex = (): string | undefined => {
  try {
    const found = execFileSync("pip", ["config", "list"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    return [...found.matchAll(/file:\/\/([^\s']+)/gu)].flatMap(([, folder]) => folder ?? []).find((folder) => existsSync(join(folder, "mcp")))
  } catch {
    return undefined
  }
}

const index = wheelIndex()

export const pythonMissing = index === undefined ? "pip knows no folder of wheels with mcp in it" : undefined

/** Installed under the repository's node_modules, so that only the first run installs. */
const installed = (): string => {
  const cache = resolve(import.meta.dirname, "../../node_modules/.cache")
  const home = join(cache, "python-mcp")
  if (existsSync(home)) return join(home, "bin/python")
  mkdirSync(cache, { recursive: true })
  const draft = mkdtempSync(join(cache, "draft-"))
  execFileSync("python3", ["-m", "venv", draft], { stdio: "ignore" })
  execFileSync(join(draft, "bin/python"), ["-m", "pip", "install", "--quiet", "--retries", "0", "--index-url", `file://${index}`, "mcp"], { stdio: "ignore" })
  try {
    renameSync(draft, home)
  } catch {
    // Another test file was first; its folder is as good.
    rmSync(draft, { recursive: true, force: true })
  }
  return join(home, "bin/python")
}

/** Runs the fixture server on the Python SDK. */
export const python = Effect.sync(() => [installed(), resolve("test/fixtures/servers/python.py")] as const)
