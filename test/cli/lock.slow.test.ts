/** The lock: what a manifest comes to is written down once, runs everywhere as it was written, and nothing else with --frozen. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../kit/calls.ts"
import { gateway, startGateway, temporaryDirectory } from "../kit/gateway.ts"
import { npmRegistryWith, type PackageText } from "../kit/npmRegistry.ts"
import { manifold } from "../kit/verbs.ts"
import { modernCall, post } from "../kit/wire.ts"

const server = readFileSync("manifests/examples/servers/hello.mjs", "utf8")
const hello = (version: string): PackageText => ({
  name: "hello",
  version,
  manifest: { type: "module", bin: "cli.mjs", dependencies: { dep: "^1.0.0" } },
  files: { "cli.mjs": server }
})
const dep = (version: string): PackageText => ({ name: "dep", version, files: { "index.js": "" } })

const started = Effect.fnUntraced(function*() {
  const registry = yield* npmRegistryWith(hello("1.0.0"), dep("1.0.0"))
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => temporaryDirectory()),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const manifest = join(directory, "manifold.yaml")
  const file = join(directory, "manifold.lock")
  const write = (version = "^1.0.0", more = "") =>
    writeFileSync(manifest, `version: 1
hosting: { host: 127.0.0.1, port: 0, data_directory: ./data }
servers:
  - { id: hello, type: npm, package: hello, version: "${version}", registry: "${registry.url}", auth_strategy: bypass_auth }
${more}`)
  write()
  const lock = (...args: ReadonlyArray<string>) => manifold(["lock", "-m", manifest, ...args])
  return { registry, directory, manifest, file, write, lock }
})

describe("manifold lock", () => {
  it.live("writes what is there now, keeps it while newer ones come, and takes those when it is told to", () =>
    Effect.gen(function*() {
      const { file, lock, registry } = yield* started()
      assert.strictEqual((yield* lock("--check")).code, 1, "there is nothing yet")
      assert.isFalse(existsSync(file), "to check writes nothing")
      const first = yield* lock()
      assert.strictEqual(first.code, 0, first.err)
      assert.include(first.out, "+ hello  npm hello@1.0.0")
      const text = readFileSync(file, "utf8")
      registry.publish(hello("1.1.0"))
      registry.publish(dep("1.5.0"))
      const asked = registry.requests.length
      assert.strictEqual((yield* lock("--check")).code, 0)
      assert.strictEqual((yield* lock()).code, 0)
      assert.strictEqual(registry.requests.length, asked, "what is locked is asked of nobody")
      assert.strictEqual(readFileSync(file, "utf8"), text)
      const updated = yield* lock("--update")
      assert.include(updated.out, "~ hello  npm hello@1.1.0")
      assert.include(readFileSync(file, "utf8"), "1.5.0")
    }).pipe(Effect.scoped), { timeout: 120_000 })

  it.live("says what does not fit when the manifest asks for something else, more or less", () =>
    Effect.gen(function*() {
      const { file, lock, write } = yield* started()
      yield* lock()
      write("1.0.0")
      const changed = yield* lock("--check", "--json")
      assert.strictEqual(changed.code, 1)
      assert.deepInclude(JSON.parse(changed.out).servers, { id: "hello", action: "change", source: "npm hello@1.0.0" })
      write("^1.0.0", `  - { id: here, type: local, path: ${join(process.cwd(), "manifests/examples/servers/hello.mjs")}, auth_strategy: bypass_auth }\n`)
      assert.strictEqual((yield* lock("--check")).code, 0, "what runs in place is not locked")
      writeFileSync(file, readFileSync(file, "utf8").replace("\"hello\": {", "\"gone\": {"))
      const other = yield* lock("--check")
      assert.match(other.out, /\+ hello {2}npm[\s\S]*- gone/u)
      writeFileSync(file, "<<<<<<< HEAD\n")
      const broken = yield* lock("--check")
      assert.strictEqual(broken.code, 1)
      assert.include(broken.err, "is no lock file of this version")
    }).pipe(Effect.scoped), { timeout: 120_000 })
})

describe("a gateway with a lock file", () => {
  it.live("runs on another machine exactly what is locked, though the registry has newer ones", () =>
    Effect.gen(function*() {
      const { file, lock, manifest, registry } = yield* started()
      yield* lock()
      registry.publish(hello("1.1.0"))
      registry.publish(dep("1.5.0"))
      const there = yield* gateway(readFileSync(manifest, "utf8"), {
        args: ["--frozen"],
        prepare: async (folder) => writeFileSync(join(folder, "manifold.lock"), readFileSync(file, "utf8"))
      })
      yield* Effect.promise(async () => {
        await until(() => call(there.url), ({ text }) => text.includes("result"), 30)
        assert.match(there.stderr(), /installed hello@1\.0\.0/u)
        assert.notMatch(there.stderr(), /installed hello@1\.1\.0/u)
      })
      yield* lock("--update")
      yield* Effect.promise(async () => {
        // A deploy brings the lock file that was committed; calls go on meanwhile.
        writeFileSync(join(there.directory, "manifold.lock"), readFileSync(file, "utf8"))
        await until(async () => there.stderr(), (text) => text.includes("installed hello@1.1.0"), 20)
        assert.include((await call(there.url)).text, "result")
      })
    }).pipe(Effect.scoped), { timeout: 120_000 })

  it.live("frozen, refuses what is not locked, server by server, keeps the last good, and does not start without a lock file", () =>
    Effect.gen(function*() {
      const { file, lock, manifest, write } = yield* started()
      const refused = yield* Effect.promise(() => startGateway(readFileSync(manifest, "utf8"), { args: ["--frozen"] }).then(() => "started", String))
      assert.include(refused, "ended with 78")
      assert.include(refused, "write it with manifold lock")
      yield* lock()
      const there = yield* gateway(readFileSync(manifest, "utf8"), {
        args: ["--frozen"],
        prepare: async (folder) => writeFileSync(join(folder, "manifold.lock"), readFileSync(file, "utf8"))
      })
      yield* Effect.promise(async () => {
        await until(() => call(there.url), ({ text }) => text.includes("result"), 30)
        write("1.0.0", `  - { id: more, type: npm, package: dep, version: 1.0.0, auth_strategy: bypass_auth }\n`)
        there.rewrite(readFileSync(manifest, "utf8"))
        await until(async () => there.stderr(), (text) => text.includes("it is not in the lock file") && text.includes("the manifest asks for something else"), 10)
        assert.include((await call(there.url)).text, "result", "the last good one serves")
      })
    }).pipe(Effect.scoped), { timeout: 120_000 })
})

const call = (url: string) => {
  const { body, headers } = modernCall("hello__greet", `{"name":"x"}`)
  return post(url, body, headers)
}
