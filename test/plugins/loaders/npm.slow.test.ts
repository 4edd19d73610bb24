import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Plugin } from "#plugin"
import npm from "../../../plugins/loaders/npm.ts"
import { ArtifactCache } from "../../../src/host/ArtifactCache.ts"
import { Locks } from "../../../src/host/Locks.ts"
import { Registry } from "../../../src/host/Registry.ts"
import { npmRegistryWith, type PackageText } from "../../kit/npmRegistry.ts"
import { temporaryHost, temporaryLent } from "../../kit/pluginHost.ts"
import { plainLoader } from "../../kit/thirdParty.ts"

const hello: PackageText = {
  name: "hello",
  version: "1.2.3",
  manifest: { bin: { hello: "cli.js", other: "other.mjs" } },
  files: { "cli.js": "", "other.mjs": "" }
}

describe("the npm loader", () => {
  it.live("installs one exact version and launches its command with the Node in use", () =>
    Effect.gen(function*() {
      const registry = yield* npmRegistryWith(hello)
      const { launch, directory } = yield* installed({ package: "hello", version: "1.2.3", registry: registry.url })
      const { node } = yield* Plugin.Host
      assert.deepStrictEqual(launch, {
        _tag: "Stdio",
        command: node,
        args: [`${directory}/node_modules/hello/cli.js`]
      })
    }).pipe(Effect.provide(temporaryHost)))

  it.live("takes the command that `bin` names, and lists them when there is no such one", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(hello)
      const { launch } = yield* installed({ package: "hello", version: "1.2.3", registry: url, bin: "other" })
      assert.include(launch._tag === "Stdio" && launch.args[0], "other.mjs")
      const missing = yield* Effect.flip(installed({ package: "hello", version: "1.2.3", registry: url, bin: "third" }))
      assert.include(missing.message, "write bin: one of hello, other")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("takes a range, a tag or nothing for the newest that it means, which is one version in the lock", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(hello)
      for (const version of ["^1.0.0", "latest", undefined]) {
        const { resolved } = yield* installed({ package: "hello", registry: url, ...(version === undefined ? {} : { version }) })
        assert.strictEqual(resolved.source, "npm hello@1.2.3")
      }
      const none = yield* Effect.flip(installed({ package: "hello", version: "^9.0.0", registry: url }))
      assert.match(none.message, /means no version|check the version/u)
    }).pipe(Effect.provide(temporaryHost)), { timeout: 120_000 })

  it.live("installs exactly what was resolved, with all that it brings along, though the registry has newer ones by then", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const brings = { ...hello, manifest: { ...hello.manifest, dependencies: { dep: "^1.0.0" } } }
      const dep = (version: string): PackageText => ({ name: "dep", version, files: { "index.js": "" } })
      const registry = yield* npmRegistryWith(brings, dep("1.0.0"))
      const loader = yield* loaderFor({ package: "hello", version: "1.2.3", registry: registry.url })
      const resolved = yield* loader.resolve
      assert.include(resolved.pin?.["node_modules/dep"], registry.integrityOf("dep"))
      registry.publish(dep("1.1.0"))
      const { directory } = yield* (yield* ArtifactCache).prepared(loader, resolved)
      assert.include(yield* files.readFileString(`${directory}/node_modules/dep/package.json`), "1.0.0")
    }).pipe(Effect.provide(temporaryHost)), { timeout: 120_000 })

  it.live("installs once: what was resolved is asked of no registry a second time, and its integrity is known still", () =>
    Effect.gen(function*() {
      const registry = yield* npmRegistryWith(hello)
      const config = { package: "hello", version: "1.2.3", registry: registry.url }
      const locks = yield* Locks
      const question = { type: "npm", source: config }
      const once = Effect.gen(function*() {
        const loader = yield* loaderFor(config)
        const artifact = yield* (yield* ArtifactCache).prepared(loader, yield* locks.answer("hello", question, loader))
        yield* locks.keep("hello", question, artifact.resolved)
        return artifact
      })
      const first = yield* once
      const asked = registry.requests.length
      const second = yield* once

      assert.isAbove(asked, 0)
      assert.strictEqual(registry.requests.length, asked)
      assert.deepStrictEqual(second, first)
      assert.strictEqual(second.resolved.pin?.["integrity"], registry.integrityOf("hello"))
    }).pipe(Effect.provide(temporaryHost)))

  it.live("refuses a package whose integrity is not the expected one, fresh or from the cache", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(hello)
      const config = { package: "hello", version: "1.2.3", registry: url }
      const fresh = yield* Effect.flip(installed(config, { integrity: "sha512-AAAA" }))
      assert.include(fresh.message, "expected sha512-AAAA")
      yield* installed(config)
      const cached = yield* Effect.flip(installed(config, { integrity: "sha512-AAAA" }))
      assert.include(cached.message, "expected sha512-AAAA")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("runs no install script and obeys no .npmrc of the package", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const canary = `${yield* files.makeTempDirectoryScoped()}/canary`
      const scripts = Object.fromEntries(
        ["preinstall", "install", "postinstall", "prepare"].map((name) => [name, `touch ${canary}`])
      )
      const { url } = yield* npmRegistryWith({
        ...hello,
        manifest: { bin: "cli.js", scripts },
        files: { "cli.js": "", ".npmrc": "ignore-scripts=false\nregistry=http://127.0.0.1:9/", "binding.gyp": "{}" }
      })
      yield* installed({ package: "hello", version: "1.2.3", registry: url })
      assert.isFalse(yield* files.exists(canary))
    }).pipe(Effect.provide(temporaryHost)))

  it.live("refuses dependencies that come from anywhere but the registry", () =>
    Effect.gen(function*() {
      for (const from of ["git+https://git.example.com/x.git", "https://files.example.com/x.tgz", "file:/etc"]) {
        const { url } = yield* npmRegistryWith({ ...hello, manifest: { bin: "cli.js", dependencies: { x: from } } })
        const failure = yield* Effect.flip(installed({ package: "hello", version: "1.2.3", registry: url }))
        assert.include(failure.message, "have been disabled", from)
      }
    }).pipe(Effect.provide(temporaryHost)))

  it.live("never launches a file outside of the package", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith({ ...hello, manifest: { bin: { hello: "../../../../../../../../bin/sh" } } })
      const failure = yield* Effect.flip(installed({ package: "hello", version: "1.2.3", registry: url }))
      assert.include(failure.message, "find command failed")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("says what to check when the name or the version is not there", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(hello)
      const noName = yield* Effect.flip(installed({ package: "hullo", version: "1.2.3", registry: url }))
      assert.include(noName.message, "check the name of the package")
      const noVersion = yield* Effect.flip(installed({ package: "hello", version: "9.9.9", registry: url }))
      assert.include(noVersion.message, "check the version")
      const nobody = yield* Effect.flip(installed({ package: "hello", version: "1.2.3", registry: "http://127.0.0.1:9/" }))
      assert.include(nobody.message, "check the network")
    }).pipe(Effect.provide(temporaryHost)), { timeout: 240_000 })

  it.live("says that npm is missing, instead of a failed spawn", () =>
    Effect.gen(function*() {
      const host = yield* Plugin.Host
      const without = Plugin.Host.of({ ...host, node: "/nowhere/bin/node", environment: { PATH: "/nowhere" } })
      const loader = yield* npm.build({ package: "hello", version: "1.2.3" })
      const failure = yield* loader.resolve.pipe(
        Effect.flatMap((resolved) => loader.prepare(resolved, host.workspace)),
        Effect.provideService(Plugin.Host, without),
        Effect.flip
      )
      assert.include(failure.message, "install npm, or put it on PATH")
    }).pipe(Effect.provide(temporaryLent)))
})

describe("a third-party plugin from npm", () => {
  it.live("is installed by the same loader, held to its integrity, and changes with its version", () =>
    Effect.gen(function*() {
      const version = (number: string): PackageText => ({
        name: "mine",
        version: number,
        manifest: { type: "module", exports: "./entry.js" },
        files: { "entry.js": plainLoader({ name: "mine", answer: number }).replace(/import .*zod.*/u, WITHOUT_ZOD) }
      })
      const first = yield* npmRegistryWith(version("1.0.0"))
      const registry = yield* withNpmFrom(first.url)
      const integrity = first.integrityOf("mine")

      const wrong = yield* registry.replaceThirdParty([{ use: "mine", version: "1.0.0", integrity: "sha512-AAAA" }])
      assert.include(wrong.refused[0]?.message, "expected sha512-AAAA")
      const right = yield* registry.replaceThirdParty([{ use: "mine", version: "1.0.0", integrity }])
      assert.deepStrictEqual(right, { changed: [{ kind: "loader", name: "mine" }], refused: [] })

      const second = yield* npmRegistryWith(version("1.0.1"))
      const later = yield* withNpmFrom(second.url)
      assert.deepStrictEqual((yield* later.replaceThirdParty([{ use: "mine", version: "1.0.1" }])).refused, [])
      assert.notStrictEqual(later.revisionOf("loader", "mine"), registry.revisionOf("loader", "mine"))
    }).pipe(Effect.provide(temporaryHost)))
})

const WITHOUT_ZOD = `
const any = { optional: () => any, min: () => any }
const z = { string: () => any, strictObject: () => ({ "~standard": { version: 1, vendor: "x", validate: (value) => ({ value }) } }) }
`

/** A registry whose npm loader asks another address, as `plugins` has no key for one. */
const withNpmFrom = Effect.fnUntraced(function*(registry: string) {
  const plugin = Plugin.define("loader", {
    name: "npm",
    summary: npm.summary,
    config: npm.config,
    build: (config) => npm.build({ ...config, registry })
  })
  const context = yield* Layer.build(Registry.layer([plugin]))
  return yield* Effect.provideContext(Registry, context)
})

const loaderFor = (config: unknown) =>
  Effect.flatMap(Registry, (registry) => registry.decode("loader", "npm", config)).pipe(Effect.flatMap((part) => part.build))

const installed = Effect.fnUntraced(function*(config: unknown, pin: Readonly<Record<string, string>> = {}) {
  const cache = yield* ArtifactCache
  const loader = yield* loaderFor(config)
  const asked = yield* loader.resolve
  const { directory, resolved } = yield* cache.prepared(loader, { ...asked, pin: { ...asked.pin, ...pin } })
  return { directory, resolved, launch: yield* loader.launch(directory, resolved, { environment: [], limits: {} }) }
})
