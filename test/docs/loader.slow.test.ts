/**
 * docs/writing-a-loader.md: its code is built into a package of its own, keeps the contract, and in the one-file bundle
 * runs what a bucket has, by the hash that was locked.
 */
import { NodeServices } from "@effect/platform-node"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { stringify } from "yaml"
import { Registry } from "../../src/host/Registry.ts"
import { loaderContract } from "../contract/loader.ts"
import { call, statusOf, until } from "../kit/calls.ts"
import { startGateway } from "../kit/gateway.ts"
import { loadTexts } from "../kit/manifest.ts"
import { blocksOf } from "../kit/markdown.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { pluginFolder } from "../kit/thirdParty.ts"
import { manifold } from "../kit/verbs.ts"

const blocks = blocksOf("docs/writing-a-loader.md")
const textIn = (language: string) => blocks.find((block) => block.language === language)?.text ?? ""
const sources = blocks.filter(({ language }) => language === "js").map(({ text }) => ({ file: text.slice(3, text.indexOf("\n")), text }))

const TOKEN = "canary-bucket-token"
const HELLO = readFileSync("manifests/examples/servers/hello.mjs", "utf8")

/** The package of the guide, written down and built as its package.json says; gives its entry. */
const builtPackage = Effect.map(pluginFolder, (folder) => {
  for (const { file, text } of [...sources, { file: "bucket/package.json", text: textIn("json") }]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const env = { ...process.env, PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}` }
  const place = join(folder, "bucket")
  execFileSync("sh", ["-c", JSON.parse(textIn("json")).scripts.build], { cwd: place, env, stdio: "pipe" })
  // As others get it: the package alone, far from the node_modules that it was built with.
  execFileSync("npm", ["pack", "--pack-destination", folder], { cwd: place, stdio: "ignore" })
  const packed = mkdtempSync(join(tmpdir(), "manifold-bucket-"))
  execFileSync("tar", ["-xzf", join(folder, "manifold-bucket-1.0.0.tgz"), "-C", packed])
  return { folder: packed, entry: join(packed, "package/dist/index.js") }
}).pipe((packed) => Effect.acquireRelease(packed, ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))))

/** A bucket on loopback that wants the token; what `publish` puts there is the latest. */
const bucketServer = async () => {
  const objects = new Map<string, Buffer>()
  const versions: Record<string, { readonly file: string; readonly sha256: string }> = {}
  const asked: Array<string> = []
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1)
    asked.push(path)
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return response.writeHead(401).end()
    const object = objects.get(path)
    return object === undefined ? response.writeHead(404).end() : response.end(object)
  })
  const publish = (version: string, fill: (folder: string) => void) => {
    const folder = mkdtempSync(join(tmpdir(), "manifold-archive-"))
    fill(folder)
    const bytes = execFileSync("tar", ["-czf", "-", "-C", folder, "."])
    rmSync(folder, { recursive: true })
    versions[version] = { file: `notes-${version}.tgz`, sha256: createHash("sha256").update(bytes).digest("hex") }
    objects.set(`notes/notes-${version}.tgz`, bytes)
    objects.set("notes/index.json", Buffer.from(JSON.stringify({ latest: version, versions })))
  }
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, asked, objects, publish, close: () => server.close() }
}

const saying = (greeting: string) => (folder: string) => writeFileSync(join(folder, "server.mjs"), HELLO.replace("\"Hello\"", JSON.stringify(greeting)))

const shared = await bucketServer()
shared.publish("1.4.2", saying("Hello"))
afterAll(shared.close)

const host = Layer.provideMerge(
  Layer.effectDiscard(Effect.gen(function*() {
    const { entry } = yield* builtPackage
    const { refused } = yield* Effect.flatMap(Registry, (registry) => registry.replaceThirdParty([{ use: entry }]))
    if (refused[0] !== undefined) return yield* refused[0]
  })),
  temporaryHost
)

const good = { bucket: shared.url, name: "notes", token: TOKEN }

loaderContract({
  name: "bucket",
  host,
  good,
  bad: [
    { config: { ...good, name: "../notes" }, at: "name" },
    { config: { ...good, bucket: "http://bucket.example.com" }, at: "bucket" },
    { config: { name: "notes" }, at: "bucket" },
    { config: { ...good, verson: "1" }, at: "" }
  ]
})

describe("the loader of the guide", () => {
  it.live.each([
    ["unpacks plain files", saying("Hello"), "done"],
    ["refuses a link, which may lead anywhere", (folder: string) => symlinkSync("/etc/passwd", join(folder, "server.mjs")), "what is no plain file: ./server.mjs"]
  ] as const)("%s", ([, fill, expected]) =>
    Effect.gen(function*() {
      const bucket = yield* Effect.acquireRelease(Effect.promise(bucketServer), ({ close }) => Effect.sync(close))
      bucket.publish("1.0.0", fill)
      const part = yield* Effect.flatMap(Registry, (registry) => registry.decode("loader", "bucket", { ...good, bucket: bucket.url }))
      const loader = yield* part.build
      const folder = mkdtempSync(join(tmpdir(), "manifold-unpacked-"))
      const done = yield* Effect.flip(loader.prepare?.(yield* loader.resolve, folder) ?? Effect.void).pipe(Effect.map(String), Effect.orElseSucceed(() => "done"))
      rmSync(folder, { recursive: true })
      assert.include(done, expected)
    }).pipe(Effect.scoped, Effect.provide(host)))

  it.live("runs what was locked on a second machine too, whatever is the latest by then, and refuses an archive that is another", () =>
    Effect.gen(function*() {
      const { entry } = yield* builtPackage
      const bucket = yield* Effect.acquireRelease(Effect.promise(bucketServer), ({ close }) => Effect.sync(close))
      bucket.publish("1.4.2", saying("Hello"))
      const place = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "manifold-machine-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const server = { id: "notes", type: "bucket", bucket: bucket.url, name: "notes", token: "${env:BUCKET_TOKEN}", auth_strategy: "bypass_auth" }
      const manifest = { version: 1, hosting: { port: 0, data_directory: "data" }, servers: [server], plugins: [{ use: entry }] }
      const environment = { BUCKET_TOKEN: TOKEN }
      writeFileSync(join(place, "m.yaml"), stringify(manifest))
      const { code, err, out } = yield* manifold(["lock", "-m", join(place, "m.yaml")], { environment })
      assert.strictEqual(code, 0, err)
      assert.include(out, "+ notes  bucket notes@1.4.2")
      const locked = readFileSync(join(place, "manifold.lock"), "utf8")
      assert.notInclude(locked, TOKEN)

      bucket.publish("2.0.0", saying("Goodbye"))
      const machine = (greets: RegExp) =>
        Effect.promise(async () => {
          const gate = await startGateway(manifest, {
            args: ["--frozen"],
            environment,
            prepare: async (directory) => cpSync(join(place, "manifold.lock"), join(directory, "manifold.lock"))
          })
          try {
            const said = async () => {
              const { servers } = await statusOf(gate.url)
              return servers[0]?.actual.why ?? (await call(gate.url, "notes__greet", { name: "Ada" })).text
            }
            await until(said, (text) => greets.test(text), 30)
            assert.notInclude(gate.stderr(), TOKEN)
          } finally {
            await gate.stop()
            rmSync(gate.directory, { recursive: true, force: true })
          }
        })
      yield* machine(/^Hello, Ada!$/u)
      assert.notInclude(bucket.asked.slice(-1).join(), "2.0.0")
      const archive = bucket.objects.get("notes/notes-2.0.0.tgz")
      if (archive !== undefined) bucket.objects.set("notes/notes-1.4.2.tgz", archive)
      yield* machine(/notes-1\.4\.2\.tgz has the hash [0-9a-f]{64}, expected [0-9a-f]{64}/u)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

  it.effect("is configured by a manifest that can be used", () =>
    Effect.gen(function*() {
      const loaded = yield* loadTexts([textIn("yaml")], { environment: { BUCKET_TOKEN: "a token of the bucket" } })
      assert.deepStrictEqual(loaded.manifest.servers.map(({ type }) => type), ["bucket"])
    }).pipe(Effect.provide(NodeServices.layer)))
})
