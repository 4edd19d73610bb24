/** One gateway whose servers a registry describes: each kind of package, and an address. What they are given comes from the manifest. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { stringify } from "yaml"
import { moodyBackend } from "../kit/backend.ts"
import { bundleOf, sha256Of } from "../kit/bundle.ts"
import { call, serving, statusOf, until } from "../kit/calls.ts"
import { engine, noDocker } from "../kit/docker.ts"
import { freePort } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"
import { loopback } from "../kit/loopback.ts"
import { mcpRegistry } from "../kit/mcpRegistry.ts"
import { npmRegistryWith } from "../kit/npmRegistry.ts"
import { type Ended, manifold } from "../kit/verbs.ts"
import { wheelIndexWith } from "../kit/wheelIndex.ts"

const INSIDE = readFileSync("test/fixtures/servers/inside.mjs", "utf8")
const PLAIN = readFileSync("test/fixtures/servers/plain.py", "utf8")
const KEY = "canary-key-of-the-manifest"
const stdio = { transport: { type: "stdio" } }
const common = { type: "registry", auth_strategy: "bypass_auth" }

if (noDocker !== undefined) console.log(`skipped: an image from a registry, ${noDocker}`)

/** Everything that a registry can lead to, on loopback. */
const places = Effect.gen(function*() {
  const npm = yield* npmRegistryWith({ name: "inside", version: "1.0.0", manifest: { bin: "inside.mjs" }, files: { "inside.mjs": INSIDE } })
  const index = yield* wheelIndexWith({ name: "plain-server", version: "1.0.0", files: { "plain.py": PLAIN }, scripts: { "plain-server": "plain:main" } })
  const server = { type: "node", entry_point: "inside.mjs", mcp_config: { command: "node", args: ["${__dirname}/inside.mjs", "${user_config.word}"], env: { GREETING: "${user_config.greeting}" } } }
  const user_config = { word: { type: "string", title: "Word", description: "", required: true }, greeting: { type: "string", title: "Greeting", description: "", sensitive: true } }
  const bundle = yield* bundleOf({ server, user_config }, [{ path: "inside.mjs", text: INSIDE }])
  const files = yield* loopback(() => (_, response) => response.end(bundle))
  const python = { type: "python", entry_point: "main.py", mcp_config: { command: "python", args: ["${__dirname}/main.py"], env: { PYTHONPATH: "${__dirname}/lib" } } }
  const pythonBundle = yield* bundleOf({ server: python, compatibility: { runtimes: { python: ">=3.8" } } }, [{ path: "main.py", text: "import plain\nplain.main()\n" }, { path: "lib/plain.py", text: PLAIN }])
  const remote = yield* moodyBackend("well")
  const registry = yield* mcpRegistry
  const wants = {
    packageArguments: [
      { type: "positional", value: "serve" },
      { type: "named", name: "--level", default: "info", choices: ["info", "debug"] },
      { type: "named", name: "--loud" },
      { type: "positional", valueHint: "folder", format: "filepath", isRequired: true, isRepeated: true }
    ],
    environmentVariables: [{ name: "GREETING", description: "what to say", isRequired: true, isSecret: true }],
    runtimeArguments: [{ type: "named", name: "--network", value: "host" }, { type: "named", name: "--volume", value: "/:/host" }]
  }
  registry.publish({ name: "test/npm", version: "2.0.0", packages: [{ registryType: "npm", registryBaseUrl: npm.url, identifier: "inside", version: "1.0.0", ...stdio, ...wants }] })
  registry.publish({ name: "test/pypi", version: "1.0.0", packages: [{ registryType: "pypi", registryBaseUrl: new URL(index.url).origin, identifier: "plain-server", version: "1.0.0", ...stdio }] })
  registry.publish({ name: "test/mcpb", version: "1.0.0", packages: [{ registryType: "mcpb", identifier: `${files.origin}/inside.mcpb`, fileSha256: sha256Of(bundle), ...stdio }] })
  registry.publish({ name: "test/oci", version: "1.0.0", packages: [{ registryType: "oci", identifier: "local/inside:1", ...stdio, ...wants }] })
  registry.publish({ name: "test/http", version: "1.0.0", packages: [{ registryType: "npm", registryBaseUrl: npm.url, identifier: "inside", version: "1.0.0", transport: { type: "streamable-http", url: "http://127.0.0.1:{PORT}/mcp" } }] })
  registry.publish({ name: "test/young", version: "1.0.0", packages: [{ registryType: "npm", registryBaseUrl: npm.url, identifier: "inside", version: "1.0.0", ...stdio }] }, { publishedAt: new Date().toISOString() })
  const headers = [{ name: "X-Key", isRequired: true, isSecret: true }, { name: "X-Region", value: "region-{region}", variables: { region: { default: "eu" } } }]
  registry.publish({
    name: "test/remote",
    version: "1.0.0",
    remotes: [{ type: "sse", url: "http://127.0.0.1:9/sse" }, { type: "streamable-http", url: `${new URL(remote.url).origin}/{path}`, headers, variables: { path: { isRequired: true } } }]
  })
  return { npm, registry, remote, files, pythonBundle }
})

const look = async (url: string, id: string) => JSON.parse((await call(url, `${id}__look`, {})).text)

describe("servers of a registry", () => {
  it.live("are fetched by the loader of their package, given what they ask for, and run again as locked without the registry", () =>
    Effect.gen(function*() {
      const { files, npm, pythonBundle, registry, remote } = yield* places
      const port = yield* freePort
      const docker = noDocker === undefined ? yield* engine : undefined
      const inputs = { GREETING: "${env:KEY}", "--loud": true, folder: ["a", "/b"] }
      const servers = [
        { id: "npm", name: "test/npm", inputs },
        { id: "pypi", name: "test/pypi", version: "1.0.0" },
        { id: "http", name: "test/http", config: { port } },
        { id: "mcpb", name: "test/mcpb", inputs: { word: "hello", greeting: "${env:KEY}" } },
        { id: "remote", name: "test/remote", inputs: { "X-Key": "${env:KEY}", path: "mcp" } },
        ...(docker === undefined ? [] : [{ id: "oci", name: "test/oci", inputs }])
      ].map((server): object => ({ ...server, ...common, registry: registry.url })).concat({ id: "python", type: "mcpb", path: "./python.mcpb", auth_strategy: "bypass_auth" })
      const ids = ["npm", "pypi", "http", "mcpb", "remote", "python", ...(docker === undefined ? [] : ["oci"])]
      const environment = { KEY, ...(docker === undefined ? {} : { DOCKER_HOST: docker.socket }) }
      const lock = (manifest: string) => Effect.runPromise(manifold(["lock", "-m", manifest], { environment }))
      let locked: Ended = { code: null, out: "", err: "" }
      const gate = yield* gateway({ servers }, {
        environment,
        args: ["--frozen"],
        prepare: async (directory) => {
          writeFileSync(join(directory, "python.mcpb"), pythonBundle)
          locked = await lock(join(directory, "manifold.yaml"))
        }
      })
      assert.strictEqual(locked.code, 0, locked.err)
      assert.include(locked.out, "registry test/npm@2.0.0 (npm inside@1.0.0)")
      const asked = [registry.requests.length, npm.requests.length, files.requests.length]

      yield* Effect.promise(async () => {
        await serving(gate.url, ...ids)
        const given = ["serve", "--level=info", "--loud", `${gate.directory}/a`, "/b"]
        assert.deepInclude(await look(gate.url, "npm"), { args: given, greeting: KEY })
        assert.deepInclude(await look(gate.url, "mcpb"), { args: ["hello"], greeting: KEY })
        assert.deepInclude(await look(gate.url, "http"), { args: [] })
        for (const id of ["pypi", "python"]) assert.strictEqual((await call(gate.url, `${id}__reverse`, { text: "stressed" })).text, "desserts", id)
        assert.strictEqual((await call(gate.url, "remote__session", {})).error, undefined)
        assert.deepInclude(remote.headers().at(-1), { "x-key": KEY, "x-region": "region-eu" })
        if (docker !== undefined) assert.deepInclude(await look(gate.url, "oci"), { args: given, greeting: KEY, interfaces: ["lo"], uid: 65532, root: "EROFS" })
      })
      assert.deepStrictEqual([registry.requests.length, npm.requests.length, files.requests.length], asked, "the lock has the answers")

      const status = JSON.stringify(yield* Effect.promise(() => statusOf(gate.url)))
      assert.include(status, "2 runtime arguments of its entry are left out")
      const text = readFileSync(join(gate.directory, "manifold.lock"), "utf8")
      assert.notInclude(status + text + gate.stderr() + locked.out + locked.err, KEY)
      assert.strictEqual(execFileSync("sh", ["-c", `grep -rlF -- ${KEY} "$1" || true`, "sh", join(gate.directory, "data")], { encoding: "utf8" }), "")
      const lines = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      assert.notInclude(lines, KEY, "no secret is in an argument")
    }).pipe(Effect.scoped), 180_000)

  it.live("say what they miss, each for itself, and follow a server.json that is changed", () =>
    Effect.gen(function*() {
      const { npm, registry } = yield* places
      const entry = (word: string) => JSON.stringify({
        name: "own/server",
        description: "mine",
        version: "1.0.0",
        packages: [{ registryType: "npm", registryBaseUrl: npm.url, identifier: "inside", version: "1.0.0", ...stdio, packageArguments: [{ type: "positional", value: word }] }]
      })
      const servers = [
        { id: "bare", name: "test/npm", ...common, registry: registry.url, inputs: { "--level": "trace", colour: "red" } },
        { id: "none", name: "test/none", ...common, registry: registry.url },
        { id: "young", name: "test/young", minimum_release_age: "7 days", ...common, registry: registry.url },
        { id: "unsigned", name: "test/mcpb", provenance: "required", ...common, registry: registry.url },
        { id: "portless", name: "test/http", ...common, registry: registry.url },
        { id: "other", name: "test/npm", package: "pypi", ...common, registry: registry.url },
        { id: "own", file: "./server.json", ...common }
      ]
      const gate = yield* gateway({ servers }, { prepare: async (directory) => writeFileSync(join(directory, "server.json"), entry("first")) })
      const young = join(gate.directory, "young.yaml")
      writeFileSync(young, stringify({ version: 1, servers: servers.filter(({ id }) => id === "young") }))
      yield* Effect.promise(async () => {
        await serving(gate.url, "own")
        const whyOf = async (id: string) =>
          (await until(() => statusOf(gate.url), (all) => all.servers.find((one) => one.id === id)?.actual.why !== undefined)).servers.find((one) => one.id === id)?.actual.why ?? ""
        const bare = await whyOf("bare")
        for (const each of ["inputs.GREETING is missing (what to say)", "inputs.folder is missing", `inputs["--level"] has to be one of info, debug`, "inputs.colour is not asked for"]) assert.include(bare, each)
        assert.include(await whyOf("none"), "it has no test/none (check `name` and `version`)")
        assert.include(await whyOf("young"), "minimum_release_age does not take it yet")
        assert.include(await whyOf("unsigned"), "only npm registries sign what they give")
        const { code, err } = await Effect.runPromise(manifold(["lock", "-m", young]))
        assert.strictEqual(code, 1)
        assert.include(err, "young: registry test/young: check its age failed")
        assert.include(await whyOf("portless"), "its package serves streamable-http (write config.port")
        assert.include(await whyOf("other"), "it has npm, and no pypi")

        assert.deepStrictEqual((await look(gate.url, "own")).args, ["first"])
        writeFileSync(join(gate.directory, "server.json"), entry("second"))
        gate.rewrite({ servers: [{ ...servers.at(-1), config: { environment: { AGAIN: "1" } } }] })
        await until(() => look(gate.url, "own").catch(() => ({})), ({ args }) => args?.[0] === "second")
        assert.isTrue(existsSync(join(gate.directory, "data", "resolved.json")))
      })
    }).pipe(Effect.scoped), 120_000)
})
