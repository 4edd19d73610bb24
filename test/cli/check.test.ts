import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Command } from "effect/cli"
import { builtIn } from "../../plugins/node.ts"
import { BuiltIn } from "../../src/cli/BuiltIn.ts"
import { check } from "../../src/cli/Check.ts"
import { schema } from "../../src/cli/Schema.ts"
import { inProcess } from "../kit/inProcess.ts"
import { filesWith, serverWith } from "../kit/manifest.ts"

describe("manifold check", () => {
  it.effect("says that a good manifest is valid, on standard output and with exit code 0", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run("check", "manifests/gateway.yaml")
      assert.deepStrictEqual({ code, err, out }, { code: 0, err: "", out: "manifests/gateway.yaml: valid, 3 servers" })
    }).pipe(Effect.provide(services)))

  it.effect("lists mistakes of the manifest and of plugins' parts together, with exit code 78", () =>
    Effect.gen(function*() {
      const [file = ""] = yield* filesWith([`${serverWith("paht: ./x", "auth_config: { token: hunter2 }")}hosting: { prot: 1 }\n`])
      const { code, err, out } = yield* run("check", file)
      assert.strictEqual(code, 78)
      assert.strictEqual(out, "")
      assert.deepStrictEqual(err.split("\n").map((line) => line.replace(file, "m")), [
        "m:6:5: servers.a.paht: is not a known key, did you mean \"path\"?",
        "m:7:20: servers.a.auth_config.token: is not a known key",
        "m:8:12: hosting.prot: is not a known key, did you mean \"port\"?"
      ])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("names the loader that was meant when there is none of that name", () =>
    Effect.gen(function*() {
      const [file = ""] = yield* filesWith([serverWith("path: ./x").replace("type: local", "type: locla")])
      const { code, err } = yield* run("check", file)
      assert.strictEqual(code, 78)
      assert.match(err, /:4:11: servers\.a\.type: there is no loader "locla", expected one of npm, git, pypi, docker, local, remote, registry, mcpb, did you mean "local"\?$/u)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("asks a third-party plugin about its servers too, and says when it cannot be loaded", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const [file = ""] = yield* filesWith([`${serverWith("bucket: x").replace("type: local", "type: s3")}plugins: [{ use: ./s3.mjs }, { use: ./none.mjs }]\n`])
      yield* files.writeFileString(file.replace("1.yaml", "s3.mjs"), plugin)
      const { code, err } = yield* run("check", file)
      assert.strictEqual(code, 78)
      assert.match(err, /servers\.a: a bucket begins with s3:[^]*plugins\.1\.use: was not loaded: no such file$/u)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("answers in JSON on standard output, for good and for bad", () =>
    Effect.gen(function*() {
      const good = yield* run("check", "manifests/gateway.yaml", "--json", "--effective", "--set", "routing.timeout=7s")
      const bad = yield* run("check", "manifests/gateway.yaml", "--json", "--set", "routing.timeout=7")
      assert.strictEqual(good.code, 0)
      assert.include(good.out, "\"value\": \"\\\"7s\\\"\",\n      \"from\": \"--set\"")
      assert.strictEqual(bad.code, 78)
      assert.include(bad.out, "\"path\": \"routing.timeout\"")
      assert.strictEqual(bad.err, "")
    }).pipe(Effect.provide(services)))

  it.effect("refuses to exchange callers' tokens anywhere but at the issuer that signs them in, and where none does", () =>
    Effect.gen(function*() {
      const exchange = (issuer: string) =>
        serverWith("path: ./x", `auth_config: { method: token_exchange, issuer: "${issuer}", client_id: gw, client_secret: s3cret }\n    config: { port: 4000 }`)
          .replace("bypass_auth", "master_oauth")
      const signIn = `master_oauth: { provider: oidc, issuer: "https://id.example.com" }\n`
      const [same = "", other = "", none = ""] = yield* filesWith([
        exchange("https://id.example.com") + signIn,
        exchange("https://id.example.org") + signIn,
        exchange("https://id.example.com")
      ])
      assert.strictEqual((yield* run("check", same)).code, 0)
      const refused = yield* run("check", other)
      assert.strictEqual(refused.code, 78)
      assert.match(refused.err, /:7:\d+: servers\.a\.auth_config\.issuer: is another issuer than the one that signs callers in, expected https:\/\/id\.example\.com$/u)
      assert.match((yield* run("check", none)).err, /:7:\d+: servers\.a\.auth_config\.method: has no token to exchange/u)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.effect("writes nothing beside the manifest when it uses built-in plugins only", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const [file = ""] = yield* filesWith([serverWith("path: ./x")])
      assert.strictEqual((yield* run("check", file)).code, 0)
      assert.deepStrictEqual(yield* files.readDirectory(file.replace("1.yaml", "")), ["1.yaml"])
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("manifold schema", () => {
  it.effect("prints the schema that stands in manifests/", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { out } = yield* run("schema")
      assert.strictEqual(`${out}\n`, yield* files.readFileString("manifests/manifest.schema.json"))
    }).pipe(Effect.provide(services)))
})

const services = Layer.merge(NodeServices.layer, Layer.succeed(BuiltIn, builtIn))

const run = inProcess(Command.make("manifold").pipe(Command.withSubcommands([check, schema])))

const plugin = `export default {
  apiVersion: 1, kind: "loader", name: "s3",
  config: { "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "a bucket begins with s3:" }] }) } },
  start: () => ({})
}`
