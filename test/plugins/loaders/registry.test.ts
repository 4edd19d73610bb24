/** What an entry of an MCP registry comes to: which package, what of it is refused, and what it is given. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Redacted, Result } from "effect"
import { type Loader, Plugin, Policy } from "#plugin"
import { chosen, delegated } from "../../../plugins/loaders/registry/Choose.ts"
import type { Package } from "../../../plugins/loaders/registry/Entry.ts"
import { Given } from "../../../plugins/loaders/registry/Given.ts"
import { launchedRemote } from "../../../plugins/loaders/registry/Launch.ts"
import { ArtifactCache } from "../../../src/host/ArtifactCache.ts"
import { Registry } from "../../../src/host/Registry.ts"
import { bundleOf, sha256Of } from "../../kit/bundle.ts"
import { loopback } from "../../kit/loopback.ts"
import { mcpRegistry, type Official } from "../../kit/mcpRegistry.ts"
import { temporaryHost, temporaryLent } from "../../kit/pluginHost.ts"

const DAY = 24 * 60 * 60 * 1000
const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString()
const away = { source: "test", kind: undefined, isHome: false }
const home = { ...away, isHome: true }
const npm: Package = { registryType: "npm", identifier: "thing", version: "1.0.0" }

describe("the package of an entry", () => {
  const nuget = { registryType: "nuget", identifier: "Thing", version: "1.0.0" }
  const oci = { registryType: "oci", identifier: "ghcr.io/a/b:1" }
  const http = { ...npm, transport: { type: "streamable-http" } }
  const remotes = [{ type: "sse", url: "https://a.example.com/sse" }, { type: "streamable-http", url: "https://a.example.com/mcp" }] as const

  it.effect("is the first that can be loaded, of npm, pypi, oci, mcpb and remote in this order, over stdio where there is one", () =>
    Effect.gen(function*() {
      const taken = (packages: ReadonlyArray<Package>, kind?: "oci" | "remote") => chosen({ ...away, kind }, { name: "a/b", version: "1", packages, remotes })
      assert.deepStrictEqual(yield* taken([nuget, oci, http, npm]), { package: npm })
      assert.deepStrictEqual(yield* taken([nuget, oci, npm], "oci"), { package: oci })
      assert.deepStrictEqual(yield* taken([nuget]), { remote: remotes[1] })
      assert.deepStrictEqual(yield* taken([npm], "remote"), { remote: remotes[1] })
    }))

  it.effect("is none where nothing of it can be loaded, and what there is is named", () =>
    Effect.gen(function*() {
      const failing = (packages: ReadonlyArray<Package>, kind?: "pypi") => Effect.map(Effect.flip(chosen({ ...away, kind }, { name: "a/b", version: "1", packages, remotes: null })), ({ message }) => message)
      assert.include(yield* failing([nuget]), "it has nuget (of these npm, pypi, oci, mcpb, remote can be loaded)")
      assert.include(yield* failing([]), "nothing to run")
      assert.include(yield* failing([npm, nuget], "pypi"), "it has npm, nuget, and no pypi")
    }))

  it.effect.each<readonly [Package, object]>([
    [npm, { type: "npm", config: { package: "thing", version: "1.0.0" } }],
    [{ ...npm, registryBaseUrl: "https://npm.example.com" }, { type: "npm", config: { package: "thing", version: "1.0.0", registry: "https://npm.example.com" } }],
    [{ ...npm, registryType: "pypi", registryBaseUrl: "https://pypi.org" }, { type: "pypi", config: { package: "thing", version: "1.0.0", index_url: "https://pypi.org/simple" } }],
    [{ ...npm, registryType: "pypi", registryBaseUrl: "https://a.example.com/b/simple/" }, { type: "pypi", config: { package: "thing", version: "1.0.0", index_url: "https://a.example.com/b/simple/" } }],
    [oci, { type: "docker", config: { image: "ghcr.io/a/b:1" } }],
    [{ registryType: "oci", registryBaseUrl: "https://docker.io", identifier: "a/b", version: "1.2" }, { type: "docker", config: { image: "a/b:1.2" } }],
    [{ registryType: "oci", registryBaseUrl: "https://ghcr.io", identifier: "a/b" }, { type: "docker", config: { image: "ghcr.io/a/b" } }],
    [{ registryType: "mcpb", identifier: "https://a.example.com/b.mcpb", fileSha256: "0" }, { type: "mcpb", config: { url: "https://a.example.com/b.mcpb", sha256: "0" } }]
  ])("is what the loader of its kind takes: %j", ([one, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual<unknown>(yield* delegated(away, one), expected)
    }))

  it.effect.each<readonly [Package, string]>([
    [{ registryType: "npm", identifier: "thing" }, "has no version"],
    [{ registryType: "mcpb", identifier: "https://a.example.com/b.mcpb" }, "has no fileSha256"],
    [{ ...npm, registryBaseUrl: "http://127.0.0.1:4873" }, "may not name what is here"],
    [{ ...npm, registryBaseUrl: "https://localhost" }, "may not name what is here"],
    [{ registryType: "mcpb", identifier: "http://localhost/a.mcpb", fileSha256: "0" }, "may not name what is here"]
  ])("is refused where it is not whole, or leads here from elsewhere: %j", ([one, why]) =>
    Effect.gen(function*() {
      assert.include((yield* Effect.flip(delegated(away, one))).message, why)
      if (why.startsWith("may")) assert.isTrue(Result.isSuccess(yield* Effect.result(delegated(home, one))))
    }))

  it.live("is no address of this machine where the registry is elsewhere, and never one that is no https address", () =>
    Effect.gen(function*() {
      const launched = (url: string, isHome: boolean) =>
        Effect.result(launchedRemote({ source: "test", inputs: { host: Redacted.make("a.example.com") }, wanted: { environment: [], limits: {} } }, isHome, { type: "streamable-http", url, variables: { host: {} } }))
      assert.isTrue(Result.isSuccess(yield* launched("https://{host}/mcp", false)))
      assert.isTrue(Result.isSuccess(yield* launched("http://127.0.0.1:9/{host}", true)))
      for (const url of ["http://127.0.0.1:9/{host}", "https://localhost/{host}", "http://a.example.com/{host}", "file:///etc/{host}"]) {
        assert.isTrue(Result.isFailure(yield* launched(url, false)), url)
      }
    }).pipe(Effect.provide(temporaryLent)))
})

describe("what an entry wants to be given", () => {
  const given = (inputs: Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>) =>
    Effect.map(Path.Path, (path) => new Given({ inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, Redacted.make(value)])), directory: "/home", path }))

  it.live("is written as an argument is: flags with their values, lists one by one, files from the manifest's folder", () =>
    Effect.gen(function*() {
      const asked = yield* given({ "--port": 80, "-v": true, "--quiet": false, files: ["a", "/b"], tenant: "t1" })
      assert.deepStrictEqual([
        { type: "positional", value: "fixed" },
        { type: "named", name: "--port", format: "number" },
        { type: "named", name: "-v" },
        { type: "named", name: "--quiet" },
        { type: "named", name: "--level", default: "info" },
        { type: "named", name: "-x", value: "{tenant}/{other}", variables: { tenant: {} } },
        { type: "positional", valueHint: "files", format: "filepath", isRepeated: true },
        { type: "positional", valueHint: "nothing" }
      ].flatMap((each) => asked.argument(each as never)), ["fixed", "--port=80", "-v", "--level=info", "-x", "t1/{other}", "/home/a", "/b"])
      assert.deepStrictEqual([asked.problems, asked.rest], [[], {}])
    }).pipe(Effect.provide(temporaryLent)))

  it.live("is no secret in an argument, no list for one value, and nothing that the entry fixes", () =>
    Effect.gen(function*() {
      const asked = yield* given({ "--key": "hunter2", one: ["a", "b"], fixed: "mine", on: "yes" })
      asked.argument({ type: "named", name: "--key", isSecret: true })
      asked.named({ name: "one" })
      asked.named({ name: "on", format: "boolean" })
      assert.strictEqual(asked.named({ name: "fixed", value: "theirs" }), "theirs")
      assert.deepStrictEqual(asked.problems, [
        `inputs["--key"] is a secret, and an argument: everybody on the machine can read arguments`,
        "inputs.one takes one value",
        "inputs.on has to be true or false"
      ])
      assert.deepStrictEqual(Object.keys(asked.rest), ["fixed"])
    }).pipe(Effect.provide(temporaryLent)))
})

describe("an entry of a registry", () => {
  const week = { minimumReleaseAge: 7 * DAY }

  it.live("is taken when it is old enough: the newest of those where none is named; one that is named is refused", () =>
    Effect.gen(function*() {
      const { publish, resolve } = yield* place
      publish({ version: "1.0.0" }, { publishedAt: ago(40) })
      publish({ version: "1.1.0" }, { publishedAt: ago(20) })
      publish({ version: "1.2.0" }, { publishedAt: ago(30), status: "deleted" })
      publish({ version: "2.0.0" }, { publishedAt: ago(1) })
      assert.include((yield* resolve({}, week)).source, "registry test/server@1.1.0 (mcpb ")
      assert.include((yield* resolve({}, {})).source, "@2.0.0")
      assert.include((yield* Effect.flip(resolve({ version: "2.0.0" }, week))).message, "minimum_release_age does not take it yet")
      publish({ version: "3.0.0" })
      assert.include((yield* resolve({}, week)).source, "@3.0.0", "it has no date")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("is refused where it was deleted, is another one, or cannot be signed though it has to be", () =>
    Effect.gen(function*() {
      const { publish, resolve } = yield* place
      publish({ version: "1.0.0" }, { status: "deleted", statusMessage: "it stole tokens" })
      assert.include((yield* Effect.flip(resolve({}, {}))).message, "it was deleted from the registry: it stole tokens")
      publish({ version: "1.0.1" })
      assert.include((yield* Effect.flip(resolve({}, { provenance: "required" }))).message, "only npm registries sign what they give")
      assert.include((yield* Effect.flip(resolve({ version: "9.9.9" }, {}))).message, "it has no test/server of version 9.9.9")
      for (const name of ["NODE_OPTIONS", "A B", "LD_PRELOAD"]) {
        publish({ version: "1.0.2", environmentVariables: [{ name, value: "x" }] })
        assert.include((yield* Effect.flip(resolve({}, {}))).message, `it wants the variable "${name}"`)
      }
      assert.include((yield* Effect.flip(resolve({ options: { url: "https://evil.example.com/x" }, version: "1.0.1" }, {}))).message, "url is what the entry says")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("may be a file, which runs on when only its description changes", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { directory } = yield* Plugin.Host
      const { bundled } = yield* place
      const plugins = yield* Registry
      const started = Effect.fnUntraced(function*(description: string) {
        yield* files.writeFileString(`${directory}/server.json`, JSON.stringify({ name: "test/server", version: "1.0.0", description, packages: [bundled] }))
        const loader = yield* (yield* plugins.decode("loader", "registry", { file: "./server.json", inputs: { word: "hello" } })).build
        const { directory: made, resolved } = yield* (yield* ArtifactCache).prepared(loader, yield* loader.resolve)
        return yield* loader.launch(made, resolved, { environment: [], limits: {} })
      })
      assert.strictEqual((yield* started("one"))._tag, "Stdio")
      assert.strictEqual((yield* started("two"))._tag, "Stdio")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("is what its registry itself says, not what another address does that it leads to", () =>
    Effect.gen(function*() {
      const { publish, registry } = yield* place
      publish({ version: "1.0.0" })
      const leading = yield* loopback(() => (request, response) => response.writeHead(302, { location: `${registry.url}${request.url}` }).end())
      const asked = registry.requests.length
      const part = yield* (yield* Registry).decode("loader", "registry", { name: "test/server", registry: leading.origin })
      assert.include((yield* Effect.flip((yield* part.build).resolve)).message, "ask the registry failed")
      assert.strictEqual(registry.requests.length, asked)
    }).pipe(Effect.provide(temporaryHost)))

  it.live("runs from the lock without its registry, with what the manifest has in config.environment left to that", () =>
    Effect.gen(function*() {
      const { loader, publish, requests } = yield* place
      publish({ version: "1.0.0", environmentVariables: [{ name: "KEY", isRequired: true, isSecret: true }, { name: "LEVEL", default: "info" }], packageArguments: [{ type: "positional", value: "--now" }] })
      const built = yield* loader({ inputs: { word: "hello" } })
      const locked: Loader.Resolved = JSON.parse(JSON.stringify(yield* built.resolve))
      const asked = requests.length
      const { directory, resolved } = yield* (yield* ArtifactCache).prepared(built, locked)
      const missing = yield* Effect.flip(built.launch(directory, resolved, { environment: [], limits: {} }))
      assert.include(missing.message, "inputs.KEY is missing")
      const launch = yield* built.launch(directory, resolved, { environment: ["KEY"], limits: {} })
      assert.deepInclude(launch, { args: [`${directory}/index.js`, "hello", "--now"], directory })
      const inputs = launch._tag === "Stdio" ? launch.inputs ?? {} : {}
      assert.deepStrictEqual(Object.entries(inputs).map(([name, value]) => [name, Redacted.value(value)]), [["LEVEL", "info"]])
      assert.strictEqual(requests.length, asked)
      assert.isTrue(yield* built.stands?.(locked) ?? Effect.succeed(true))
    }).pipe(Effect.provide(temporaryHost)))
})

/** A registry with one server, whose package is a bundle. */
const place = Effect.gen(function*() {
  const registry = yield* mcpRegistry
  const server = { type: "node", entry_point: "index.js", mcp_config: { command: "node", args: ["${__dirname}/index.js", "${user_config.word}"] } }
  const bundle = yield* bundleOf({ server, user_config: { word: { type: "string", title: "Word", description: "" } } }, [{ path: "index.js", text: "" }])
  const files = yield* loopback(() => (_, response) => response.end(bundle))
  const bundled = { registryType: "mcpb", identifier: `${files.origin}/a.mcpb`, fileSha256: sha256Of(bundle) }
  const publish = ({ version, ...wants }: { readonly version: string; readonly [key: string]: unknown }, official?: Official) =>
    registry.publish({ name: "test/server", version, packages: [{ ...bundled, ...wants }] }, official)
  const loader = (config: object) =>
    Effect.flatMap(Registry, (plugins) => plugins.decode("loader", "registry", { name: "test/server", registry: registry.url, ...config })).pipe(Effect.flatMap(({ build }) => build))
  const resolve = (config: object, policy: Policy.Demanded) =>
    Effect.flatMap(loader(config), (built) => Effect.provideService(built.resolve, Policy.Policy, policy))
  return { bundled, publish, loader, registry, resolve, requests: registry.requests }
})
