/** A gateway of its own for one test: `node src/main.ts serve` on a free port, stopped with the scope. */
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stringify } from "yaml"
import { MAIN } from "./main.ts"
import { start, type Started } from "./process.ts"

export interface Gateway extends Started {
  /** Holds the manifest and the data directory; gone when the scope closes. */
  readonly directory: string
  readonly manifest: string
  /** Replaces the manifest, which the gateway watches. */
  readonly rewrite: (manifest: Manifest) => void
}

/** The YAML itself, or a value that becomes it. `version` and `hosting` are filled in where a value lacks them. */
export type Manifest = string | Readonly<Record<string, unknown>>

export interface GatewayOptions {
  readonly args?: ReadonlyArray<string>
  /** A free one unless told. */
  readonly port?: number
  readonly environment?: Readonly<Record<string, string>>
  /** What runs instead of `node src/main.ts`, such as the bundle. */
  readonly command?: ReadonlyArray<string>
  /** Runs before it, with the manifest in place. */
  readonly prepare?: (directory: string) => Promise<unknown>
}

export const temporaryDirectory = (prefix = "manifold-"): string => mkdtempSync(join(tmpdir(), prefix))

const yamlOf = (manifest: Manifest, directory: string) =>
  typeof manifest === "string" ? manifest : stringify({
    version: 1,
    hosting: { host: "127.0.0.1", port: 0, data_directory: join(directory, "data") },
    ...manifest
  })

/** For scripts, which have no scope: the caller stops it and removes `directory`. */
export const startGateway = async (manifest: Manifest, options: GatewayOptions = {}): Promise<Gateway> => {
  const directory = temporaryDirectory()
  const path = join(directory, "manifold.yaml")
  const rewrite = (next: Manifest) => writeFileSync(path, yamlOf(next, directory))
  rewrite(manifest)
  const { args = [], command = ["node", MAIN], environment = {}, port = 0, prepare } = options
  try {
    await prepare?.(directory)
    const started = await start({
      command: [...command, "serve", "--manifest", path, "--port", String(port), ...args],
      listening: /^listening on (https?:\/\/\S+)\n/u,
      environment
    })
    return { ...started, directory, manifest: path, rewrite }
  } catch (cause) {
    rmSync(directory, { recursive: true, force: true })
    throw cause
  }
}

/** Scoped: stopped by SIGTERM when the scope closes. */
export const gateway = (manifest: Manifest, options?: GatewayOptions) =>
  Effect.acquireRelease(
    Effect.promise(() => startGateway(manifest, options)),
    ({ directory, stop }) =>
      Effect.promise(async () => {
        await stop()
        rmSync(directory, { recursive: true, force: true })
      })
  )

export const startConformanceFixture = (era: "both" | "modern" | "legacy"): Promise<Started> =>
  start({
    command: ["node", "test/fixtures/conformance/main.ts", "--era", era],
    listening: /^(http:\/\/\S+)\n/u
  })

/** Scoped: the fixture server of test/fixtures/conformance on a free port. */
export const conformanceFixture = (era: "both" | "modern" | "legacy") =>
  Effect.acquireRelease(
    Effect.promise(() => startConformanceFixture(era)),
    ({ stop }) => Effect.promise(stop)
  )
