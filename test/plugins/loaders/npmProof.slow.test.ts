/** What the npm loader demands of packages: an age, signatures, and whose install scripts may run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { readFileSync } from "node:fs"
import { Policy } from "#plugin"
import { ArtifactCache } from "../../../src/host/ArtifactCache.ts"
import { Registry } from "../../../src/host/Registry.ts"
import { npmRegistryWith, type PackageText } from "../../kit/npmRegistry.ts"
import { temporaryHost } from "../../kit/pluginHost.ts"

const DAY = 24 * 60 * 60 * 1000
const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString()
const week = { minimumReleaseAge: 7 * DAY }

const tool = (version: string, more: Partial<PackageText> = {}): PackageText =>
  ({ name: "tool", version, manifest: { bin: "cli.js", dependencies: { dep: "^1.0.0" } }, files: { "cli.js": "" }, ...more })
const dep = (version: string, more: Partial<PackageText> = {}): PackageText => ({ name: "dep", version, files: { "index.js": "" }, ...more })

describe("a version that is too young", () => {
  it.live("is not taken, nor are its dependencies: the newest that is old enough is, and one that is asked for by name is refused", () =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(
        tool("1.0.0", { published: ago(30) }),
        tool("1.1.0", { published: ago(1) }),
        dep("1.0.0", { published: ago(30) }),
        dep("1.0.1", { published: ago(2) })
      )
      for (const version of ["latest", "^1.0.0", undefined]) {
        const { pin, source } = yield* resolved({ registry: url, ...(version === undefined ? {} : { version }) }, week)
        assert.strictEqual(source, "npm tool@1.0.0")
        assert.include(pin?.["node_modules/dep"], `"version":"1.0.0"`)
        assert.match(pin?.["released"] ?? "", /^\d{4}-\d\d-\d\dT/u)
      }
      const { message } = yield* Effect.flip(resolved({ registry: url, version: "1.1.0" }, week))
      assert.include(message, "it is younger than minimum_release_age: wait, or take an older version")
      assert.strictEqual((yield* resolved({ registry: url }, {})).source, "npm tool@1.1.0")
    }).pipe(Effect.provide(temporaryHost)), 120_000)

  it.live("is installed where it was locked before, and taken where the registry says no dates, which the lock says", () =>
    Effect.gen(function*() {
      const young = yield* npmRegistryWith(tool("1.1.0", { published: ago(1) }), dep("1.0.0", { published: ago(1) }))
      const loader = yield* loaderFor({ registry: young.url })
      const locked = yield* loader.resolve
      yield* Effect.provideService((yield* ArtifactCache).prepared(loader, locked), Policy.Policy, week)
      const undated = yield* npmRegistryWith(tool("1.1.0"), dep("1.0.0"))
      const before = yield* installed({ registry: undated.url })
      const fresh = yield* resolved({ registry: undated.url }, week)
      assert.strictEqual(fresh.pin?.["released"], "no date")
      const { directory } = yield* (yield* ArtifactCache).prepared(yield* loaderFor({ registry: undated.url }), fresh)
      assert.notStrictEqual(directory, before.directory, "what is known of it is another pin")
    }).pipe(Effect.provide(temporaryHost)), 60_000)
})

describe("a package that has to be signed", () => {
  const required = { provenance: "required" } as const

  it.live("is taken with all it brings along when its registry's key has signed each, and the lock says by which", () =>
    Effect.gen(function*() {
      const { keyid, url } = yield* npmRegistryWith(tool("1.0.0", { attested: "good" }), dep("1.0.0"))
      const { pin } = yield* resolved({ registry: url }, required)
      assert.strictEqual(pin?.["signature"], `valid for all 2 packages, by the registry's key ${keyid}`)
      assert.strictEqual(pin?.["provenance"], `published, by the registry's key ${keyid}; https://slsa.dev/provenance/v1 from https://github.com/owner/tool (its certificate is not checked)`)
    }).pipe(Effect.provide(temporaryHost)), 60_000)

  it.live.each<readonly [NonNullable<PackageText["attested"]>, string]>([
    ["else", "dep@1.0.0 has an attestation of something else"],
    ["stranger", "dep@1.0.0 has an attestation that its registry's key did not sign"],
    ["lost", "its registry does not have the attestations"]
  ])("is refused when what is attested of a dependency is: %s; else that is its own matter", ([attested, why]) =>
    Effect.gen(function*() {
      const { url } = yield* npmRegistryWith(tool("1.0.0"), dep("1.0.0", { attested }))
      assert.include((yield* Effect.flip(resolved({ registry: url }, required))).message, why)
      assert.strictEqual((yield* resolved({ registry: url }, {})).pin?.["provenance"], "none")
    }).pipe(Effect.provide(temporaryHost)), 60_000)

  it.live.each<readonly [NonNullable<PackageText["signature"]>, string]>([
    ["none", "dep@1.0.0 has no signature"],
    ["forged", "that is not good"],
    ["stranger", "by a key that its registry does not have"]
  ])("is refused when a dependency's signature is: %s; else that is its own matter", ([signature, why]) =>
    Effect.gen(function*() {
      const { keyid, url } = yield* npmRegistryWith(tool("1.0.0"), dep("1.0.0", { signature }))
      assert.include((yield* Effect.flip(resolved({ registry: url }, required))).message, why)
      assert.strictEqual((yield* resolved({ registry: url }, {})).pin?.["signature"], `valid, by the registry's key ${keyid}`)
    }).pipe(Effect.provide(temporaryHost)), 60_000)

  it.live("is refused when its key had expired by then, is not when it expired since, and never from a lock that says nothing of it", () =>
    Effect.gen(function*() {
      const registry = yield* npmRegistryWith(tool("1.0.0", { published: ago(30) }), dep("1.0.0", { published: ago(30) }))
      registry.expireKey(ago(1))
      assert.include((yield* resolved({ registry: registry.url }, required)).pin?.["signature"], "valid for all 2")
      registry.expireKey(ago(60))
      assert.include((yield* Effect.flip(resolved({ registry: registry.url }, required))).message, "which had expired")

      const loader = yield* loaderFor({ registry: registry.url })
      const { directory, resolved: locked } = yield* (yield* ArtifactCache).prepared(loader, yield* loader.resolve)
      assert.include(locked.pin?.["signature"], "which had expired")
      const launch = loader.launch(directory, locked, { environment: [], limits: {} })
      assert.include((yield* Effect.flip(Effect.provideService(launch, Policy.Policy, required))).message, "run manifold lock --update")
      yield* launch
    }).pipe(Effect.provide(temporaryHost)), 60_000)
})

describe("an install script", () => {
  it.live("runs for the packages that the manifest names, with no secret around; for all others, the package itself too, never", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const scripted = (name: string, more: Partial<PackageText> = {}): PackageText =>
        ({ name, version: "1.0.0", files: { "run.mjs": RUN }, ...more, manifest: { scripts: { postinstall: "node run.mjs" }, ...more.manifest } })
      const registry = yield* npmRegistryWith(scripted("tool", { manifest: { bin: "run.mjs", dependencies: { wanted: "1.0.0", other: "1.0.0" } } }), scripted("wanted"), scripted("other"))
      process.env["SECRET_OF_THE_GATEWAY"] = "hunter2"
      const config = { registry: registry.url, allow_scripts: ["wanted"] }
      const { directory, digest } = yield* installed(config)
      const seen = (name: string) => files.exists(`${directory}/node_modules/${name}/ran`)
      assert.deepStrictEqual([yield* seen("wanted"), yield* seen("other"), yield* seen("tool")], [true, false, false])
      assert.notInclude(readFileSync(`${directory}/node_modules/wanted/ran`, "utf8"), "hunter2")

      const without = yield* installed({ registry: registry.url })
      assert.notStrictEqual(without.digest, digest)
      assert.isFalse(yield* files.exists(`${without.directory}/node_modules/wanted/ran`))
      const { message } = yield* Effect.flip(installed({ ...config, allow_scripts: ["wnated"] }))
      assert.include(message, "wnated is not among what it brings along (correct allow_scripts)")
    }).pipe(Effect.ensuring(Effect.sync(() => delete process.env["SECRET_OF_THE_GATEWAY"])), Effect.provide(temporaryHost)), 60_000)
})

const RUN = `import { writeFileSync } from "node:fs"
writeFileSync("ran", JSON.stringify(process.env))
`

const loaderFor = (config: object) =>
  Effect.flatMap(Registry, (registry) => registry.decode("loader", "npm", { package: "tool", ...config })).pipe(Effect.flatMap((part) => part.build))

const resolved = (config: object, policy: Policy.Demanded) =>
  Effect.flatMap(loaderFor(config), ({ resolve }) => Effect.provideService(resolve, Policy.Policy, policy))

const installed = Effect.fnUntraced(function*(config: object) {
  const loader = yield* loaderFor(config)
  const { directory, resolved: { digest } } = yield* (yield* ArtifactCache).prepared(loader, yield* loader.resolve)
  return { directory, digest }
})
