/** The plugins of docs/plugins.md: each keeps the contract of its kind, and one is swapped under a running gateway. */
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Redacted, Schedule } from "effect"
import { createHash, createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import { Registry } from "../../src/host/Registry.ts"
import { authContract } from "../contract/auth.ts"
import { loaderContract } from "../contract/loader.ts"
import { providerContract } from "../contract/provider.ts"
import { officialClient, textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"
import { bodyOf, loopback, sendJson } from "../kit/loopback.ts"
import { blocksOf } from "../kit/markdown.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { pluginFolder } from "../kit/thirdParty.ts"

const texts = new Map(
  blocksOf("docs/plugins.md").filter(({ language }) => language === "js").map(({ text }) => [text.slice(3, text.indexOf("\n")), text])
)
const textOfPlugin = (name: string) => texts.get(`plugins/${name}.mjs`) ?? `throw new Error("docs/plugins.md has no ${name}")`

const writtenPlugin = Effect.fnUntraced(function*(name: string) {
  const files = yield* FileSystem.FileSystem
  const file = `${yield* pluginFolder}/${name}.mjs`
  yield* files.writeFileString(file, textOfPlugin(name))
  return file
})

const hostWith = (name: string) =>
  Layer.provideMerge(
    Layer.effectDiscard(Effect.gen(function*() {
      const use = yield* writtenPlugin(name)
      const { refused } = yield* Effect.flatMap(Registry, (registry) => registry.replaceThirdParty([{ use }]))
      if (refused[0] !== undefined) return yield* refused[0]
    })),
    temporaryHost
  )

const hello = readFileSync("manifests/examples/servers/hello.mjs", "utf8")
const good = {
  url: `data:text/javascript,${encodeURIComponent(hello)}`,
  sha256: createHash("sha256").update(hello).digest("hex")
}

for (const name of ["download", "download-effect"]) {
  const bad = [
    { config: { url: "https://example.com/a.mjs" }, at: "sha256" },
    { config: { url: "https://example.com/a.mjs", sha256: "x" }, at: "sha256" }
  ]
  loaderContract({ name, host: hostWith(name), good, bad })

  it.effect(`${name} does not keep a file whose hash is another`, () =>
    Effect.gen(function*() {
      const registry = yield* Registry
      const files = yield* FileSystem.FileSystem
      const part = yield* registry.decode("loader", name, { ...good, sha256: "0".repeat(64) })
      const loader = yield* part.build
      const directory = yield* files.makeTempDirectoryScoped()
      const failure = yield* Effect.flip(loader.prepare?.(yield* loader.resolve, directory) ?? Effect.void)
      assert.include(String(failure), `the file has the hash ${good.sha256}`)
      assert.deepStrictEqual(yield* files.readDirectory(directory), [])
    }).pipe(Effect.provide(hostWith(name))))
}

authContract({
  name: "key_file",
  host: hostWith("key-file"),
  good: { header: "x-key", file: import.meta.filename },
  bad: [{ config: { header: "x-key" }, at: "file" }, { config: { header: "a", file: "b", fiel: "c" }, at: "fiel" }]
})
authContract({
  name: "signed_user",
  host: hostWith("signed-user"),
  good: { key: "hunter2", blocked: ["mallory"] },
  bad: [{ config: {}, at: "key" }]
})

const AUDIENCE = "https://gw.example.com/mcp"
const issuer = "https://id.example.com"
const key = "0123456789abcdef0123456789abcdef"
const signed = (claims: unknown) => {
  const text = Buffer.from(JSON.stringify(claims)).toString("base64url")
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`
}
const inAnHour = Math.floor(Date.now() / 1000) + 3600

providerContract({
  name: "signed_tokens",
  host: hostWith("signed-tokens"),
  good: { issuer, key },
  bad: [{ config: { issuer }, at: "key" }, { config: { issuer, key: "short" }, at: "key" }, { config: { issuer: "id", key }, at: "issuer" }],
  token: { text: signed({ sub: "ada", aud: AUDIENCE, exp: inAnHour, scopes: ["mcp"] }), audience: AUDIENCE }
})
providerContract({
  name: "company_sessions",
  host: hostWith("company-sessions"),
  good: { issuer: "http://127.0.0.1:9", client_id: "gateway", client_secret: "hunter2" },
  bad: [{ config: { issuer, client_id: "gateway" }, at: "client_secret" }]
})

describe("the examples of docs/plugins.md", () => {
  it.live("ask the company's server as the gateway's client, and let in whom it knows for this audience alone", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      const server = yield* loopback(() => (request, response) =>
        void bodyOf(request).then((body) => {
          seen.push(request.headers.authorization, body)
          return body === "token=s1" ? sendJson(response, 200, { user: "ada", audience: AUDIENCE, ends: inAnHour }) : sendJson(response, 404, {})
        }))
      const config = { issuer: server.origin, client_id: "gateway", client_secret: "hunter2" }
      const part = yield* Effect.flatMap(Registry, (registry) => registry.decode("provider", "company_sessions", config))
      const { validate } = yield* part.build
      const reason = (token: string, audience: string) => Effect.map(Effect.flip(validate(Redacted.make(token), audience)), String)
      assert.strictEqual((yield* validate(Redacted.make("s1"), AUDIENCE)).subject, "ada")
      assert.deepStrictEqual(seen, [`Basic ${Buffer.from("gateway:hunter2").toString("base64")}`, "token=s1"])
      assert.include(yield* reason("s1", `${AUDIENCE}/`), "(audience)")
      assert.include(yield* reason("s2", AUDIENCE), "(inactive)")
      yield* server.down
      assert.include(yield* reason("s1", AUDIENCE), "cannot be reached")
    }).pipe(Effect.provide(hostWith("company-sessions"))))

  it.effect("sign for the user who calls, and refuse a blocked one", () =>
    Effect.gen(function*() {
      const part = yield* Effect.flatMap(Registry, (registry) => registry.decode("auth", "signed_user", { key: "k", blocked: ["mallory"] }))
      const strategy = yield* part.build
      const user = (subject: string) => strategy.credential({ issuer: "i", subject }, { id: "files" })
      const header = (yield* user("ada")).headers["x-user"]
      assert.match(header === undefined ? "" : Redacted.value(header), /^ada [0-9a-f]{64}$/u)
      assert.include(String(yield* Effect.flip(user("mallory"))), "the user is blocked")
    }).pipe(Effect.provide(hostWith("signed-user"))))

  it.live("run in a gateway, where a changed plugin is swapped when the manifest is saved", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const use = yield* writtenPlugin("download")
      const server = { id: "greeter", type: "download", ...good, auth_strategy: "bypass_auth" }
      const manifest = { servers: [server], plugins: [{ use }] }
      const running = yield* gateway(manifest)
      const client = yield* officialClient(running.url, "legacy")
      const greeting = (expected: string) =>
        Effect.tryPromise(() => client.callTool({ name: "greeter__greet", arguments: { name: "Ada" } })).pipe(
          Effect.map(textOf),
          Effect.repeat({ until: (said) => said === expected, schedule: Schedule.spaced("100 millis") }),
          Effect.retry(Schedule.spaced("100 millis"))
        )
      yield* greeting("Hello, Ada!")

      const changed = textOfPlugin("download").replace("args: [join(directory", "environment: { GREETING: \"Hallo\" }, args: [join(directory")
      yield* files.writeFileString(use, changed)
      running.rewrite(manifest)
      yield* greeting("Hallo, Ada!")
    }).pipe(Effect.provide(NodeServices.layer)))
})
