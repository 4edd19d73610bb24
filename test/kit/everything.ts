/** server-everything as a process of a test's own, that listens on HTTP, and ports for such processes. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join, resolve } from "node:path"
import { Effect } from "effect"
import { start, type Started } from "./process.ts"

export const EVERYTHING = { package: "@modelcontextprotocol/server-everything", version: "2026.8.31" } as const

/** Its file, installed under the repository's node_modules, so that only the first run installs. */
const installed = (): string => {
  const cache = resolve(import.meta.dirname, "../../node_modules/.cache")
  const home = join(cache, `everything-${EVERYTHING.version}`)
  const file = join(home, "node_modules", EVERYTHING.package, "dist/index.js")
  if (existsSync(file)) return file
  mkdirSync(cache, { recursive: true })
  const draft = mkdtempSync(join(cache, "draft-"))
  writeFileSync(join(draft, "package.json"), JSON.stringify({ private: true, dependencies: { [EVERYTHING.package]: EVERYTHING.version } }))
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: draft, stdio: "ignore" })
  try {
    renameSync(draft, home)
  } catch {
    // Another test file was first; its folder is as good.
    rmSync(draft, { recursive: true, force: true })
  }
  return file
}

export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die("no port")))
  })
})

/** It writes where it listens on standard error. */
export const startEverything = (mode: "sse" | "streamableHttp", port: number): Promise<Started> =>
  start({
    command: ["bash", "-c", "exec node \"$0\" \"$1\" 2>&1", installed(), mode],
    listening: /(?:running|listening) on port (\d+)/u,
    environment: { PORT: String(port) }
  })

export const startConformance = (era: "modern" | "legacy", port: number): Promise<Started> =>
  start({
    command: ["node", "test/fixtures/conformance/main.ts", "--era", era, "--port", String(port)],
    listening: /^(http:\/\/\S+)\n/u
  })

/** A process that a test ends and starts again, on the same port; gone with the scope. */
export const restartable = (begin: (port: number) => Promise<Started>) =>
  Effect.gen(function*() {
    const port = yield* freePort
    let current: Started | undefined
    const up = Effect.promise(async () => {
      current = await begin(port)
    })
    const kill = Effect.promise(async () => current?.kill())
    yield* Effect.acquireRelease(up, () => kill)
    return { port, up, kill }
  })
