/**
 * Third-party plugins as their authors would write them: each in a folder of its own, with its
 * own node_modules, which has another copy and version of effect, and a zod.
 */
import { createHash } from "node:crypto"
import { Effect, FileSystem, Path, type Scope } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const DEPENDENCIES = { effect: "4.0.0", tar: "7.5.23", zod: "4.6.7" }

/** A temporary folder that resolves `effect` and `zod` to copies that are not the host's. */
export const pluginFolder: Effect.Effect<
  string,
  never,
  FileSystem.FileSystem | Path.Path | ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
> = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* Effect.flatMap(files.makeTempDirectoryScoped({ prefix: "manifold-plugin-" }), files.realPath)
  yield* files.symlink(path.join(yield* installedOnce, "node_modules"), path.join(folder, "node_modules"))
  return folder
}).pipe(Effect.orDie)

/** Kept under the repository's node_modules, so that only the first run installs. */
const installedOnce = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = JSON.stringify({ private: true, dependencies: DEPENDENCIES })
  const key = createHash("sha256").update(manifest).digest("hex").slice(0, 12)
  const cache = path.resolve(import.meta.dirname, "../../node_modules/.cache")
  const home = path.join(cache, `third-party-${key}`)
  if (yield* files.exists(home)) return home

  yield* files.makeDirectory(cache, { recursive: true })
  const draft = yield* files.makeTempDirectoryScoped({ directory: cache })
  yield* files.writeFileString(path.join(draft, "package.json"), manifest)
  const code = yield* ChildProcessSpawner.ChildProcessSpawner.use((spawner) =>
    spawner.exitCode(ChildProcess.make("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: draft,
      stdout: "ignore",
      stderr: "inherit"
    })))
  if (code !== 0) return yield* Effect.die(new Error("npm could not install the plugins' dependencies"))
  // Another test file may have been first; its folder is as good.
  yield* files.rename(draft, home).pipe(Effect.catch(() => files.access(home)))
  return home
})

export interface LoaderText {
  readonly name: string
  /** Passed to the launched server as its last argument, so that a test can tell versions apart. */
  readonly answer: string
}

/** The plain face with zod: config `{ server: <file>, key?: <secret> }`, runs that file with Node. */
export const plainLoader = ({ name, answer }: LoaderText) => `
import { z } from "zod"

export default {
  apiVersion: 1,
  kind: "loader",
  name: ${JSON.stringify(name)},
  summary: "Runs one file",
  config: z.strictObject({ server: z.string().min(1), key: z.string().optional() }),
  start: (config) => ({
    resolve: async () => ({ source: ${JSON.stringify(`${name} `)} + config.server, digest: config.server + ${JSON.stringify(`#${answer}`)}, pin: { answer: ${JSON.stringify(answer)} } }),
    prepare: async ({ directory, signal }) => {
      signal.throwIfAborted()
      await (await import("node:fs/promises")).writeFile(directory + "/prepared", config.server)
    },
    launch: async () => ({ command: process.execPath, args: [config.server, ${JSON.stringify(answer)}] })
  })
}
`

/** The Effect face, same config. Its key is a Redacted and its config a Schema: both break across copies of effect. */
export const effectLoader = ({ name, answer }: LoaderText) => `
import { Effect, FileSystem, Redacted, Schema } from "effect"
import * as DeepSchema from "effect/Schema"
import { ChildProcessSpawner } from "effect/process"
import { Loader, Plugin, Runtime } from "mcp-manifold/plugin"

export default Plugin.define("loader", {
  name: ${JSON.stringify(name)},
  summary: "Runs one file",
  config: Schema.Struct({
    server: DeepSchema.NonEmptyString,
    key: Schema.optionalKey(Schema.RedactedFromValue(Schema.String))
  }),
  build: Effect.fnUntraced(function*({ server, key }) {
    const files = yield* FileSystem.FileSystem
    yield* ChildProcessSpawner.ChildProcessSpawner
    const secret = key === undefined ? "" : Redacted.value(key)
    return {
      resolve: Effect.succeed({ source: ${JSON.stringify(`${name} `)} + server, digest: server + ${JSON.stringify(`#${answer}`)}, pin: { answer: ${JSON.stringify(answer)}, length: String(secret.length) } }),
      prepare: (_, directory) => files.writeFileString(directory + "/prepared", server).pipe(
        Effect.mapError((cause) => new Loader.LoadFailed({ source: server, step: "copy", cause }))
      ),
      launch: () => Effect.map(Runtime.detect(server), (launch) => ({ ...launch, args: [...launch.args, ${JSON.stringify(answer)}] }))
    }
  })
})
`

/** The plain face without any dependency: a Standard Schema by hand, a fixed header, and ways to refuse. */
export const plainAuth = (name: string) => `
const config = {
  "~standard": {
    version: 1,
    vendor: "by-hand",
    validate: (value) => typeof value?.header === "string"
      ? { value }
      : { issues: [{ message: "expected the name of a header", path: [{ key: "header" }] }] }
  }
}

export default {
  apiVersion: 1,
  kind: "auth",
  name: ${JSON.stringify(name)},
  config,
  start: async ({ header }) => ({
    credential: async ({ principal, server }) => {
      if (principal.subject === "mallory") return { refused: "not for you" }
      if (principal.subject === "broken") throw new Error("hunter2")
      return { headers: { [header]: "for-" + principal.subject + "-at-" + server.id } }
    }
  })
}
`

/** The Effect face of an auth strategy: gives one header, refuses one user. */
export const effectAuth = (name: string) => `
import { Effect, Redacted, Schema } from "effect"
import { Auth, Plugin } from "mcp-manifold/plugin"

export default Plugin.define("auth", {
  name: ${JSON.stringify(name)},
  summary: "A fixed header",
  config: Schema.Struct({ header: Schema.NonEmptyString }),
  build: ({ header }) => Effect.succeed({
    credential: (principal, server) => principal.subject === "mallory"
      ? Effect.fail(new Auth.CredentialRefused({ server: server.id, reason: "not for you" }))
      : Effect.succeed({ headers: { [header]: Redacted.make("for-" + principal.subject + "-at-" + server.id) } })
  })
})
`
