/** What is newer than what is locked, and what is kept of what was fetched. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryDirectory } from "../kit/gateway.ts"
import { npmRegistryWith, type PackageText } from "../kit/npmRegistry.ts"
import { manifold } from "../kit/verbs.ts"

const hello = (version: string): PackageText => ({
  name: "hello",
  version,
  manifest: { type: "module", bin: "cli.mjs" },
  files: { "cli.mjs": readFileSync("manifests/examples/servers/hello.mjs", "utf8") }
})

const started = Effect.fnUntraced(function*() {
  const registry = yield* npmRegistryWith(hello("1.0.0"))
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => temporaryDirectory()),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const manifest = join(directory, "manifold.yaml")
  const write = (...servers: ReadonlyArray<string>) =>
    writeFileSync(manifest, `version: 1
hosting: { host: 127.0.0.1, port: 0, data_directory: ./data }
servers:
${servers.map((server, index) => `  - { id: s${index}, type: npm, package: ${server}, registry: "${registry.url}", auth_strategy: bypass_auth }`).join("\n")}
`)
  const verb = (...args: ReadonlyArray<string>) => manifold([...args, "-m", manifest])
  const asJson = (...args: ReadonlyArray<string>) => Effect.map(verb(...args, "--json"), ({ out }) => JSON.parse(out))
  return { asJson, cache: join(directory, "data", "cache"), registry, verb, write }
})

describe("manifold outdated", () => {
  it.live("tells what the manifest allows from what it would have to be changed for, and changes nothing", () =>
    Effect.gen(function*() {
      const { asJson, registry, verb, write } = yield* started()
      write(`hello, version: "^1.0.0"`, `hello, version: "1.0.0"`)
      assert.strictEqual((yield* verb("lock")).code, 0)
      assert.include((yield* verb("outdated")).out, "all 2 sources are the newest")
      registry.publish(hello("1.1.0"))
      registry.publish(hello("2.0.0"))
      const [ranged, exact] = (yield* asJson("outdated")).servers
      assert.deepStrictEqual(ranged, { id: "s0", locked: "npm hello@1.0.0", allowed: "npm hello@1.1.0", newest: "npm hello@2.0.0", isOutdated: true })
      assert.deepStrictEqual(exact, { id: "s1", locked: "npm hello@1.0.0", allowed: "npm hello@1.0.0", newest: "npm hello@2.0.0", isOutdated: true })
      assert.strictEqual((yield* verb("lock", "--check")).code, 0, "nothing was changed")
      write(`hello, version: "^1.0.0"`, "nothing")
      const partly = yield* verb("outdated", "--json")
      assert.strictEqual(partly.code, 1, "one could not be asked")
      const { servers } = JSON.parse(partly.out)
      assert.isString(servers[1].problem)
      assert.strictEqual(servers[0].newest, "npm hello@2.0.0", "the others are told all the same")
    }).pipe(Effect.scoped), { timeout: 120_000 })
})

describe("manifold cache", () => {
  it.live("shows what is kept and why, and prunes what nothing needs and nothing has used for a while", () =>
    Effect.gen(function*() {
      const { asJson, cache, registry, verb, write } = yield* started()
      write(`hello, version: "^1.0.0"`)
      assert.strictEqual((yield* verb("lock")).code, 0)
      registry.publish(hello("1.1.0"))
      assert.strictEqual((yield* verb("lock", "--update")).code, 0)
      const { artifacts } = yield* asJson("cache", "list")
      assert.deepStrictEqual(artifacts.map(({ needed, source }: Record<string, unknown>) => [source, needed]), [["npm hello@1.0.0", false], ["npm hello@1.1.0", true]])
      assert.lengthOf((yield* asJson("cache", "prune")).removed, 0, "it was used just now")
      assert.lengthOf((yield* asJson("cache", "prune", "--unused", "1ms", "--dry-run")).removed, 1)
      assert.lengthOf(readdirSync(cache), 2, "a dry run leaves it")
      const { bytes, removed } = yield* asJson("cache", "prune", "--unused", "1ms")
      assert.deepStrictEqual(removed.map(({ source }: Record<string, unknown>) => source), ["npm hello@1.0.0"])
      assert.isAbove(bytes, 0)
      assert.isFalse(existsSync(removed[0].folder))
      assert.strictEqual((yield* verb("lock", "--check")).code, 0)
      assert.include((yield* verb("cache", "list")).out, "1 kept")
    }).pipe(Effect.scoped), { timeout: 120_000 })
})
