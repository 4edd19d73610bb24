/** manifests/examples/every-loader.yaml as it is: locked on one machine, it runs exactly that on another, or says why not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { call, statusOf, until } from "../kit/calls.ts"
import { noRegistry } from "../kit/docker.ts"
import { MAIN } from "../kit/main.ts"
import { start } from "../kit/process.ts"
import { folder, HELLO, world } from "../kit/sources/world.ts"
import { manifold } from "../kit/verbs.ts"

if (noRegistry !== undefined) console.log(`skipped: from-docker of every-loader.yaml, ${noRegistry}`)

/** A checkout of the manifest and its servers in a folder of its own, with its lock where there is one. */
const machine = Effect.fnUntraced(function*(lock: string | undefined) {
  const place = yield* folder
  mkdirSync(join(place, "servers"))
  cpSync("manifests/examples/every-loader.yaml", join(place, "every-loader.yaml"))
  cpSync("manifests/examples/servers/hello.mjs", join(place, "servers/hello.mjs"))
  if (lock !== undefined) writeFileSync(join(place, "manifold.lock"), lock)
  return { place, path: join(place, "every-loader.yaml"), lock: () => readFileSync(join(place, "manifold.lock"), "utf8") }
})

const frozen = (path: string, environment: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.promise(() => start({ command: ["node", MAIN, "serve", "--frozen", "-m", path, "--port", "0"], listening: /^listening on (http:\/\/\S+)\n/u, environment })),
    ({ stop }) => Effect.promise(stop)
  )

const asked = (url: string, id: string) => {
  const tools: Record<string, readonly [string, object]> = {
    "from-git": ["reverse", { text: "" }],
    "from-pypi": ["reverse", { text: "" }],
    "from-npm": ["greet", { name: "Ada" }],
    "from-here": ["greet", { name: "Ada" }],
    "from-registry": ["greet", { name: "Ada" }],
    "from-bundle": ["greet", { name: "Ada" }],
    "from-docker": ["look", {}],
    "from-elsewhere": ["test_simple_text", {}]
  }
  const [tool = "", args = {}] = tools[id] ?? []
  return call(url, `${id}__${tool}`, args).then(({ error, text }) => error ?? text)
}

const ANSWERS = { "from-git": "first", "from-npm": "first, Ada!", "from-pypi": "first", "from-docker": `"args":["first"]`, "from-here": "Hello, Ada!", "from-registry": "first, Ada!", "from-bundle": "first, Ada!", "from-elsewhere": "simple text" }

describe("manifests/examples/every-loader.yaml", () => {
  it.live("is locked on one machine, and runs exactly that on another, though all of it is newer elsewhere; what was changed is refused alone", () =>
    Effect.gen(function*() {
      const { docker, environment, move } = yield* world
      const hasDocker = docker !== undefined
      const first = yield* machine(undefined)
      const locking = yield* manifold(["lock", "-m", first.path], { environment })
      assert.strictEqual(locking.code, 0, locking.err)
      const pinned = Object.keys(JSON.parse(first.lock()).sources)
      assert.deepStrictEqual(pinned, ["from-bundle", ...hasDocker ? ["from-docker"] : [], "from-git", "from-here", "from-npm", "from-pypi", "from-registry"])

      yield* move
      const { out } = yield* manifold(["outdated", "-m", first.path], { environment })
      for (const newer of ["2026.9.1", "2026.2.0"]) assert.include(out, newer, "there is something newer to be taken")
      const second = yield* machine(first.lock())
      const { url } = yield* frozen(second.path, environment)
      yield* Effect.promise(async () => {
        const expected = Object.entries(ANSWERS).filter(([id]) => hasDocker || id !== "from-docker")
        for (const [id, answer] of expected) await until(() => asked(url, id), (text) => text.includes(answer), 60)
        assert.strictEqual(second.lock(), first.lock())

        writeFileSync(join(second.place, "servers/hello.mjs"), HELLO.replace("\"Hello\"", "\"Changed\""))
        const asking = readFileSync(second.path, "utf8").replace("version: ^2026.8.31", "version: 2026.9.1")
        writeFileSync(second.path, asking.replace("path: ./servers/hello.mjs", "path: ./servers/hello.mjs\n    config: { args: [--verbose] }"))
        const refused = (id: string, why: string) =>
          until(() => statusOf(url), ({ servers }) => servers.find((server) => server.id === id)?.wanted.problem?.includes(why) === true, 20)
        await refused("from-npm", "asks for something else than the lock file answers")
        await refused("from-here", "has changed since the lock file was written")
        for (const [id, answer] of expected) assert.include(await asked(url, id), answer, "what serves keeps serving")
      })
    }).pipe(Effect.scoped), 180_000)
})
