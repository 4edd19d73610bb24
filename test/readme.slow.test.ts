/** The README does what it says: its manifest loads, and its walk-through runs as written, on a port of its own. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { execFile } from "node:child_process"
import { cpSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { join, resolve } from "node:path"
import { failed, unavailable, wrongConfiguration } from "../src/cli/Stopped.ts"
import { temporaryDirectory } from "./kit/gateway.ts"
import { loadTexts } from "./kit/manifest.ts"
import { blocksOf } from "./kit/markdown.ts"
import { start } from "./kit/process.ts"

const textsOf = (language: string) => blocksOf("README.md").filter((block) => block.language === language).map(({ text }) => text)

describe("the README", () => {
  it.effect("has a manifest that can be used as it is", () =>
    Effect.gen(function*() {
      const [manifest = ""] = textsOf("yaml")
      const loaded = yield* loadTexts([manifest])
      assert.deepStrictEqual(loaded.manifest.servers.map(({ id, type }) => `${id} ${type}`), ["files npm"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it("names every exit code", () => {
    const readme = readFileSync("README.md", "utf8")
    for (const code of [0, failed, unavailable, wrongConfiguration]) assert.include(readme, `| ${code} | `)
  })

  it.live("has a walk-through that runs from top to bottom", () =>
    Effect.gen(function*() {
      const folder = yield* checkout
      const { url } = yield* started(folder)
      yield* readyAt(url)
      const origin = new URL(url).origin
      const script = textsOf("bash").join("\n").replaceAll("http://127.0.0.1:8080", origin)
      const { code, out } = yield* shell(script, folder, { MANIFOLD_URL: origin })
      assert.strictEqual(code, 0, out)
      for (const expected of EXPECTED) assert.include(out, expected)
      assert.notInclude(out, "npm error")
    }))
})

/** In the order in which they are said. */
const EXPECTED = [
  "3 of 3 servers as wanted",
  "everything__get-sum(a, b)",
  "The sum of 20 and 22 is 42.",
  "progress 4 of 4",
  "Echo: from a script",
  "\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"Echo: hello\"}]",
  "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"Echo: hello\"}]},\"id\":2",
  "2026-07-28 The sum of 20 and 22 is 42.",
  "2025-11-25 The sum of 20 and 22 is 42.",
  "36 tools, the first is everything__echo",
  "4 servers: 1 to add, 3 kept.",
  "Hello, Ada!",
  "there is no loader \"nmp\"",
  "exit code 78",
  "The newest manifest is not in force",
  "exit code 1",
  "${secret:greeting} is set",
  "1 row sealed anew",
  "1 row written to vault.export",
  "0 rows taken in, 1 left as they are here",
  "mfk_",
  "The key \"ci\"",
  "\"greeting\" is removed"
]

/** A folder like a fresh clone after `npm ci`, whose manifests can be edited. */
const checkout = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = temporaryDirectory("manifold-readme-")
    cpSync("manifests", join(folder, "manifests"), { recursive: true, filter: (path) => !path.includes(".manifold") })
    for (const name of ["node_modules", "package.json", "src", "plugins"]) symlinkSync(resolve(name), join(folder, name))
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** What `npm start` runs, on a free port. */
const started = (directory: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      start({
        command: ["node", "src/main.ts", "serve", "--manifest", "manifests/gateway.yaml", "--port", "0"],
        listening: /^listening on (http:\/\/\S+)\n/u,
        directory
      })
    ),
    ({ stop }) => Effect.promise(stop)
  )

const readyAt = (url: string) =>
  Effect.tryPromise(() => fetch(new URL("/api/v1/servers", url)).then((answer) => answer.text())).pipe(
    Effect.repeat({ until: (text) => text.split("\"phase\":\"ready\"").length === 4, schedule: Schedule.spaced("500 millis") })
  )

const shell = (script: string, cwd: string, environment: Readonly<Record<string, string>>) =>
  Effect.callback<{ readonly code: unknown; readonly out: string }>((resume) => {
    // It starts Manifold some thirty times, from its sources.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(cwd, "compiled"), ...environment }
    execFile("bash", ["-euo", "pipefail", "-c", `exec 2>&1\n${script}`], { cwd, env, maxBuffer: 10_000_000 }, (error, out) =>
      resume(Effect.succeed({ code: error === null ? 0 : error.code, out })))
  })
