/** The command line as a shell sees it, with a folder and a manifest of its own. */
import { Effect, Redacted } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { keyText } from "../../src/vault/MasterKey.ts"
import { temporaryDirectory } from "./gateway.ts"
import { MAIN } from "./main.ts"
import { keyOf } from "./vault.ts"

export interface Around {
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  /** Gets the process when it has been started. */
  readonly started?: (child: ChildProcess) => void
}

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export const manifold = (args: ReadonlyArray<string>, { environment = {}, input = "", started }: Around = {}) =>
  Effect.callback<Ended>((resume) => {
    const covering = process.env["MANIFOLD_COVERAGE"]
    const env = { ...process.env, ...environment, ...(covering === undefined ? {} : { NODE_V8_COVERAGE: covering }) }
    const child = spawn("node", [MAIN, ...args], { env })
    const said = { out: "", err: "" }
    child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()))
    child.once("close", (code) => resume(Effect.succeed({ code, ...said })))
    child.stdin.on("error", () => {})
    child.stdin.end(input)
    started?.(child)
  })

/** A key for the vault, as the environment has it. */
export const keyIn = (seed: number) => ({ MANIFOLD_VAULT_KEY: keyTextOf(seed) })

export const keyTextOf = (seed: number): string => Redacted.value(keyText(keyOf(seed)))

/** A folder with a manifest, `data` beside it, and the verbs that use it; gone with the scope. */
export const place = (text = "servers: []") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = temporaryDirectory()
      const path = join(directory, "m.yaml")
      writeFileSync(path, `version: 1\nhosting: { data_directory: data }\n${text}\n`)
      const run = (args: ReadonlyArray<string>, around?: Around) => manifold([...args, "-m", path], around)
      return { directory, path, dataDirectory: join(directory, "data"), run }
    }),
    ({ directory }) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
