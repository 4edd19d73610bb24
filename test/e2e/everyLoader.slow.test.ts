/** manifests/examples/every-loader.yaml as it is: locked on one machine, it runs exactly that on another, or says why not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { call, statusOf, until } from "../kit/calls.ts"
import { engine, noRegistry, registry } from "../kit/docker.ts"
import { freePort, startConformance } from "../kit/everything.ts"
import { temporaryDirectory } from "../kit/gateway.ts"
import { commitTo, gitIn, gitServer, publish, workingCopy } from "../kit/gitServer.ts"
import { MAIN } from "../kit/main.ts"
import { npmRegistryWith } from "../kit/npmRegistry.ts"
import { start } from "../kit/process.ts"
import { manifold } from "../kit/verbs.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"

if (noRegistry !== undefined) console.log(`skipped: from-docker of every-loader.yaml, ${noRegistry}`)

const HELLO = readFileSync("manifests/examples/servers/hello.mjs", "utf8")
const PLAIN = readFileSync("test/fixtures/servers/plain.py", "utf8")

const packageSaying = (greeting: string, version: string) => ({
  name: "@modelcontextprotocol/server-everything",
  version,
  manifest: { type: "module", bin: { everything: "server.mjs" } },
  files: { "server.mjs": `#!/usr/bin/env node\n${HELLO.replace("\"Hello\"", JSON.stringify(greeting))}` }
})
const wheelSaying = (answer: string, version: string) => ({
  name: "mcp-server-time",
  version,
  files: { "clock.py": PLAIN.replace(`params["arguments"]["text"][::-1]`, JSON.stringify(answer)) },
  scripts: { "mcp-server-time": "clock:main" }
})
const repositorySaying = (answer: string) => ({ "server/server.py": PLAIN.replace(`params["arguments"]["text"][::-1]`, JSON.stringify(answer)) })

const folder = Effect.acquireRelease(
  Effect.sync(() => temporaryDirectory("manifold-every-")),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** Where everything comes from; `move` puts something newer under each name. */
const world = Effect.gen(function*() {
  const place = yield* folder
  const copy = `${place}/copy`
  workingCopy(copy, repositorySaying("first"))
  gitIn(copy, "tag", "v1.0.0")
  publish(copy, `${place}/bare/server.git`)
  const git = yield* gitServer(`${place}/bare`)
  const npm = yield* npmRegistryWith(packageSaying("first", "2026.8.31"))
  const pypi = yield* wheelIndexWith(wheelSaying("first", "2026.1.1"))
  const port = yield* freePort
  yield* Effect.acquireRelease(Effect.promise(() => startConformance("modern", port)), ({ stop }) => Effect.promise(stop))
  const docker = noRegistry === undefined ? yield* imagesIn : undefined
  const move = Effect.gen(function*() {
    commitTo(copy, repositorySaying("second"))
    gitIn(copy, "tag", "--force", "v1.0.0")
    publish(copy, `${place}/bare/server.git`)
    npm.publish(packageSaying("second", "2026.9.1"))
    yield* pypi.publish(wheelSaying("second", "2026.2.0"))
    yield* docker?.move ?? Effect.void
  })
  const environment = {
    GIT_URL: git.url("server.git"),
    NPM_REGISTRY: npm.url,
    PYPI_INDEX: pypi.url,
    REMOTE_URL: `http://127.0.0.1:${port}/mcp`,
    IMAGE: docker?.image ?? "local/none",
    ...(docker === undefined ? { MANIFOLD__SERVERS__FROM_DOCKER__ENABLED: "false" } : { DOCKER_HOST: docker.socket })
  }
  return { environment, hasDocker: docker !== undefined, move }
})

/** An engine with a registry, whose image says the first argument that it has itself. */
const imagesIn = Effect.gen(function*() {
  const { docker, socket } = yield* engine
  const { authority } = yield* registry
  const image = `${authority}/team/server:1`
  const push = (said: string) =>
    Effect.promise(async () => {
      const container = await docker("create", "local/inside:1")
      await docker("commit", "--change", `ENTRYPOINT ["/usr/bin/node","/app/server.mjs","${said}"]`, container, image)
      await docker("rm", container)
      await docker("push", image)
      await docker("rmi", image)
    })
  yield* push("first")
  return { image, move: push("second"), socket }
})

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
    "from-docker": ["look", {}],
    "from-elsewhere": ["test_simple_text", {}]
  }
  const [tool = "", args = {}] = tools[id] ?? []
  return call(url, `${id}__${tool}`, args).then(({ error, text }) => error ?? text)
}

const ANSWERS = { "from-git": "first", "from-npm": "first, Ada!", "from-pypi": "first", "from-docker": `"args":["first"]`, "from-here": "Hello, Ada!", "from-elsewhere": "simple text" }

describe("manifests/examples/every-loader.yaml", () => {
  it.live("is locked on one machine, and runs exactly that on another, though all of it is newer elsewhere; what was changed is refused alone", () =>
    Effect.gen(function*() {
      const { environment, hasDocker, move } = yield* world
      const first = yield* machine(undefined)
      const locking = yield* manifold(["lock", "-m", first.path], { environment })
      assert.strictEqual(locking.code, 0, locking.err)
      const pinned = Object.keys(JSON.parse(first.lock()).sources)
      assert.deepStrictEqual(pinned, [...hasDocker ? ["from-docker"] : [], "from-git", "from-here", "from-npm", "from-pypi"])

      yield* move
      const { out } = yield* manifold(["outdated", "-m", first.path], { environment })
      for (const newer of ["2026.9.1", "2026.2.0"]) assert.include(out, newer, "there is something newer to be taken")
      const second = yield* machine(first.lock())
      const { url } = yield* frozen(second.path, environment)
      yield* Effect.promise(async () => {
        const expected = Object.entries(ANSWERS).filter(([id]) => hasDocker || id !== "from-docker")
        for (const [id, answer] of expected) await until(() => asked(url, id), (text) => text.includes(answer), 60)
        assert.strictEqual(second.lock(), first.lock())

        const problem = (id: string, why: RegExp) =>
          until(() => statusOf(url), ({ servers }) => servers.some((server) => server.id === id && why.test(JSON.stringify(server))), 20)
        writeFileSync(second.path, readFileSync(second.path, "utf8").replace("version: ^2026.8.31", "version: 2026.9.1"))
        await problem("from-npm", /asks for something else than the lock file answers/u)
        for (const [id, answer] of expected) assert.include(await asked(url, id), answer, "what serves keeps serving")
      })

      const third = yield* machine(first.lock())
      writeFileSync(join(third.place, "servers/hello.mjs"), HELLO.replace("\"Hello\"", "\"Changed\""))
      const changed = yield* frozen(third.path, environment)
      yield* Effect.promise(async () => {
        await until(() => statusOf(changed.url), ({ servers }) => /has changed since the lock file was written/u.test(JSON.stringify(servers.find(({ id }) => id === "from-here"))), 20)
        await until(() => asked(changed.url, "from-npm"), (text) => text === "first, Ada!", 30)
        assert.notInclude(await asked(changed.url, "from-here"), "Changed")
      })
    }).pipe(Effect.scoped), 180_000)
})
