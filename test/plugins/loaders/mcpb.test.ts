/** MCP bundles: what is unpacked is what was pinned, it lands where it belongs, and it runs what a bundle may run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import * as fc from "fast-check"
import { Loader, Plugin } from "#plugin"
import { isPlain } from "../../../plugins/loaders/mcpb/Unpack.ts"
import { ArtifactCache } from "../../../src/host/ArtifactCache.ts"
import { Registry } from "../../../src/host/Registry.ts"
import { type BundleFile, bundleOf, sha256Of, withKind, withPath, zipOf } from "../../kit/bundle.ts"
import { loopback } from "../../kit/loopback.ts"
import { temporaryHost } from "../../kit/pluginHost.ts"

const script: BundleFile = { path: "server/index.js", text: "" }
const server = { type: "node", entry_point: "server/index.js", mcp_config: { command: "node", args: ["${__dirname}/server/index.js"], env: {} } }
const plain = bundleOf({ server }, [script])

describe("an MCP bundle", () => {
  it.live("is unpacked and run by Node with what its manifest.json says, and what is in its arguments and variables is filled in", () =>
    Effect.gen(function*() {
      const { node } = yield* Plugin.Host
      const wants = {
        folders: { type: "directory", title: "Folders", description: "to read", multiple: true, required: true },
        key: { type: "string", title: "Key", description: "of the API", sensitive: true, required: true },
        limit: { type: "number", title: "Limit", description: "of lines", default: 10, min: 1, max: 20 },
        extra: { type: "string", title: "Extra", description: "or not" }
      }
      const mcp_config = {
        command: "node",
        args: ["${__dirname}/server/index.js", "${user_config.folders}", "--limit=${user_config.limit}", "${user_config.extra}"],
        env: { API_KEY: "${user_config.key}", EXTRA: "${user_config.extra}", NODE_PATH: "${__dirname}/lib", CONFIG: "${__dirname}${/}config" }
      }
      const bytes = yield* bundleOf({ user_config: wants, server: { ...server, mcp_config } }, [script])
      const { directory, home, launch } = yield* launched(bytes, { inputs: { folders: ["a", "/b"], key: "hunter2" } })
      assert.deepInclude(launch, { command: node, directory, args: [`${directory}/server/index.js`, `${home}/a`, "/b", "--limit=10"] })
      const given = Object.fromEntries(Object.entries(launch.inputs ?? {}).map(([name, value]) => [name, Redacted.value(value)]))
      assert.deepStrictEqual(given, { API_KEY: "hunter2", NODE_PATH: `${directory}/lib`, CONFIG: `${directory}/config` })
      assert.notInclude(JSON.stringify(launch), "hunter2")
      assert.include(launch.detected, "bundled 1.2.3, a bundle that is run by Node.js")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("says all that is wrong with its inputs at once, with what each is for, instead of starting half configured", () =>
    Effect.gen(function*() {
      const user_config = {
        key: { type: "string", title: "Key", description: "of the API", required: true },
        home: { type: "directory", title: "Home", description: "to read", required: true, default: "${HOME}/Desktop" },
        limit: { type: "number", title: "Limit", description: "of lines", max: 20 },
        loud: { type: "boolean", title: "Loud", description: "or not" }
      }
      const bytes = yield* bundleOf({ user_config, server }, [script])
      const { message } = yield* Effect.flip(launched(bytes, { inputs: { limit: 21, loud: "yes", colour: "red" } }))
      for (const each of ["inputs.key is missing (Key: of the API)", "inputs.home is missing", "inputs.limit has to be 20 at most", "inputs.loud has to be true or false", "inputs.colour is not asked for"]) {
        assert.include(message, each)
      }
    }).pipe(Effect.provide(temporaryHost)))

  it.live("runs a program of its own, which it makes one", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const bytes = yield* bundleOf({ server: { type: "binary", entry_point: "bin/tool", mcp_config: { command: "bin/tool", args: ["--x"] } } }, [{ path: "bin/tool", text: "#!/bin/sh\n" }])
      const { directory, launch } = yield* launched(bytes)
      assert.deepInclude(launch, { command: `${directory}/bin/tool`, args: ["--x"] })
      assert.strictEqual((yield* files.stat(`${directory}/bin/tool`)).mode & 0o777, 0o500)
      assert.strictEqual((yield* files.stat(`${directory}/manifest.json`)).mode & 0o777, 0o400)
    }).pipe(Effect.provide(temporaryHost)))

  it.live.each<readonly [string, object]>([
    ["neither node, python nor a program of the bundle", { command: "npx", args: ["-y", "evil"] }],
    ["neither node, python nor a program of the bundle", { command: "/bin/sh", args: ["-c", "id"] }],
    ["neither node, python nor a program of the bundle", { command: "${__dirname}/../../../bin/sh" }],
    ["it sets NODE_OPTIONS", { command: "node", env: { NODE_OPTIONS: "--require=/tmp/x" } }],
    ["it sets PYTHONPATH", { command: "node", env: { PYTHONPATH: "${__dirname}/../x" } }],
    ["it sets LD_PRELOAD", { command: "node", env: { LD_PRELOAD: "${__dirname}/x.so" } }],
    ["which a gateway does not have", { command: "node", args: ["${DOCUMENTS}/x"] }],
    ["does not ask for it", { command: "node", args: ["${user_config.unknown}"] }],
    ["that is a secret", { command: "node", args: ["--key=${user_config.key}"] }]
  ])("is refused when %s: %j", ([why, mcp_config]) =>
    Effect.gen(function*() {
      const user_config = { key: { type: "string", title: "Key", description: "", sensitive: true } }
      const bytes = yield* bundleOf({ user_config, server: { ...server, mcp_config } }, [script])
      assert.include((yield* Effect.flip(launched(bytes, { inputs: { key: "k" } }))).message, why)
    }).pipe(Effect.provide(temporaryHost)))

  it.live.each<readonly [string, object]>([
    ["of type uv", { server: { type: "uv", entry_point: "x.py" } }],
    ["it is for win32", { server, compatibility: { platforms: ["win32"] } }],
    ["it wants Node >=99", { server, compatibility: { runtimes: { node: ">=99" } } }]
  ])("is refused when it is not for this machine: %s", ([why, manifest]) =>
    Effect.gen(function*() {
      assert.include((yield* Effect.flip(launched(yield* bundleOf(manifest, [script])))).message, why)
    }).pipe(Effect.provide(temporaryHost)))
})

describe("the archive of a bundle", () => {
  it.live("is refused before it is unpacked when its hash is another one, from the manifest or from the lock", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const bytes = yield* plain
      const file = yield* written(bytes)
      const other = "0".repeat(64)
      assert.include((yield* Effect.flip(launched(bytes, { sha256: other }))).message, `its SHA-256 is ${sha256Of(bytes)}, expected ${other}`)

      const loader = yield* loaderFor({ path: file })
      const resolved = yield* loader.resolve
      assert.deepStrictEqual(resolved.pin, { sha256: sha256Of(bytes) })
      assert.isTrue(yield* loader.stands?.(resolved) ?? Effect.succeed(false))
      yield* files.writeFile(file, yield* bundleOf({ server }, [{ ...script, text: "evil" }]))
      assert.isFalse(yield* loader.stands?.(resolved) ?? Effect.succeed(true))
      assert.include((yield* Effect.flip((yield* ArtifactCache).prepared(loader, resolved))).message, "verify failed")
    }).pipe(Effect.provide(temporaryHost)))

  it.live("is fetched over redirects that stay where they may lead, and from nowhere else", () =>
    Effect.gen(function*() {
      const bytes = yield* plain
      const { origin } = yield* loopback((own) => (request, response) => {
        if (request.url === "/there.mcpb") return response.end(bytes)
        if (request.url === "/gone.mcpb") return response.writeHead(404).end()
        response.writeHead(302, { location: request.url === "/away.mcpb" ? "http://10.0.0.1/x" : `${own}/there.mcpb` }).end()
      })
      const fetched = (path: string) => Effect.flatMap(loaderFor({ url: `${origin}${path}` }), ({ resolve }) => resolve)
      assert.deepStrictEqual((yield* fetched("/moved.mcpb")).pin, { sha256: sha256Of(bytes) })
      assert.include((yield* Effect.flip(fetched("/away.mcpb"))).message, "http://10.0.0.1/x may not be asked")
      assert.include((yield* Effect.flip(fetched("/gone.mcpb"))).message, "was answered with 404")
    }).pipe(Effect.provide(temporaryHost)))

  it.live.each<readonly [string, Effect.Effect<Buffer>]>([
    ["at \"../evil\"", zipOf([script, { path: "../evil", text: "" }])],
    ["at \"a/../../evil\"", zipOf([script, { path: "a/../../evil", text: "" }])],
    ["is a link", Effect.map(bundleOf({ server }, [{ path: "link", text: "/etc/passwd" }]), (bytes) => withKind(bytes, "link", 0o120000))],
    ["is a link", Effect.map(bundleOf({ server }, [{ path: "pipe", text: "" }]), (bytes) => withKind(bytes, "pipe", 0o010000))],
    ["twice", zipOf([script, script])],
    ["unpacks to more than", zipOf([{ path: "zeros", text: "0".repeat(40 * 1024 * 1024) }])],
    ["unpacks to more than", Effect.map(zipOf([{ path: "zeroZ", text: "0".repeat(40 * 1024 * 1024) }]), (bytes) => withPath(bytes, "zeroZ", "zero/"))],
    ["no zip archive", Effect.succeed(Buffer.from("PK, but not really"))],
    ["lacks", Effect.map(zipOf([{ path: "aaaa", text: "" }]), (bytes) => Buffer.from(bytes.toString("latin1").replace("aaaa", "bbbb"), "latin1"))],
    ["CRC-32", Effect.map(zipOf([{ path: "a", text: "hello".repeat(9) }]), (bytes) => {
      const broken = Buffer.from(bytes)
      broken[16] = (broken[16] ?? 0) ^ 0xff
      return broken
    })]
  ])("is refused when it holds what nobody should unpack: %s", ([why, archive]) =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { message } = yield* Effect.flip(launched(yield* archive))
      assert.include(message, "unpack the bundle failed")
      assert.include(message, why)
      const { workspace } = yield* Plugin.Host
      assert.deepStrictEqual((yield* files.readDirectory(workspace)).filter((name) => name.startsWith("mcpb-")), [])
    }).pipe(Effect.provide(temporaryHost)))

  it("has no path that leads out of its folder, whatever is written into it", () => {
    const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "C:", "\\", "a\u0000", "\n"), fc.string({ maxLength: 5 }))
    fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const path = parts.join("/")
      if (!isPlain(path)) return
      assert.isTrue(new URL(path.split("/").map(encodeURIComponent).join("/"), "file:///home/").pathname.startsWith("/home/"))
      assert.notMatch(path, /(?:^|\/)\.{0,2}(?:\/|$)|[\\:\0]/u)
    }), { numRuns: 2000 })
  })
})

const written = Effect.fnUntraced(function*(bytes: Uint8Array) {
  const files = yield* FileSystem.FileSystem
  const file = `${yield* files.makeTempDirectoryScoped()}/server.mcpb`
  yield* files.writeFile(file, bytes)
  return file
})

const loaderFor = (config: unknown) =>
  Effect.flatMap(Registry, (registry) => registry.decode("loader", "mcpb", config)).pipe(Effect.flatMap((part) => part.build))

const launched = Effect.fnUntraced(function*(bytes: Uint8Array, config: object = {}) {
  const { directory: home } = yield* Plugin.Host
  const loader = yield* loaderFor({ path: yield* written(bytes), ...config })
  const { directory, resolved } = yield* (yield* ArtifactCache).prepared(loader, yield* loader.resolve)
  const launch = yield* loader.launch(directory, resolved, { environment: [], limits: {} })
  return launch._tag === "Stdio" ? { directory, home, launch } : yield* new Loader.LoadFailed({ source: "test", step: "launch", cause: new Error("no process") })
})
