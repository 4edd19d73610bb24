import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Equal, FileSystem, Path, Redacted } from "effect"
import * as fc from "fast-check"
import { load } from "../../src/manifest/Load.ts"
import { parseReferences } from "../../src/manifest/Reference.ts"
import { type Lookup, SecretLookup } from "../../src/manifest/SecretLookup.ts"
import { filesWith, loadTexts, mistakesOf, serverWith } from "../kit/manifest.ts"

describe("a reference", () => {
  it("is the only thing that changes a text: one without ${ stays as it is", () => {
    fc.assert(fc.property(fc.string().filter((text) => !text.includes("${")), (text) => {
      assert.deepStrictEqual(parseReferences(text), [{ _tag: "Text", text }])
    }))
  })

  it("stands between the texts around it, which stay as they are", () => {
    const text = fc.string().filter((each) => !each.includes("$"))
    fc.assert(fc.property(text, text, (before, after) => {
      const parts = parseReferences(`${before}\${env:NAME:-or this}${after}`)
      assert.deepStrictEqual(parts.filter((part) => part._tag === "Environment"), [{ _tag: "Environment", name: "NAME", fallback: "or this" }])
      assert.strictEqual(parts.map((part) => part._tag === "Text" ? part.text : "|").join(""), `${before}|${after}`)
    }))
  })

  it("is escaped by a second dollar sign, so that text can say ${env:X}", () => {
    assert.deepStrictEqual(parseReferences("a $${env:X} b"), [{ _tag: "Text", text: "a ${env:X} b" }])
  })

  it.effect("gives what it names, and is not read a second time", () =>
    Effect.gen(function*() {
      const text = serverWith("path: ${env:A}", "config: { args: ['${env:B:-x y}', 'pre-${env:A}', '${env:EMPTY:-full}', 'cost $${HOME}'] }")
      const { manifest } = yield* loadTexts([text], { environment: { A: "${env:B} # {", EMPTY: "" } })
      assert.strictEqual(manifest.servers[0]?.source["path"], "${env:B} # {")
      assert.deepStrictEqual(manifest.servers[0]?.config.args, ["x y", "pre-${env:B} # {", "full", "cost ${HOME}"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("becomes a number or a boolean where one is wanted, and stays text elsewhere", () =>
    Effect.gen(function*() {
      const text = `${serverWith("enabled: ${env:ON}", "config: { args: ['${env:P}'] }")}hosting: { port: "\${env:P}", drain: "\${env:D}" }\n`
      const { manifest } = yield* loadTexts([text], { environment: { ON: "false", P: "9090", D: "10s" } })
      assert.strictEqual(manifest.hosting.port, 9090)
      assert.strictEqual(manifest.servers[0]?.enabled, false)
      assert.deepStrictEqual(manifest.servers[0]?.config.args, ["9090"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reads a file beside the manifest, without its last line end", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const [file = ""] = yield* filesWith([serverWith("path: ${file:secret.txt}")])
      yield* files.writeFileString(path.join(path.dirname(file), "secret.txt"), "s3cret\n")
      const { manifest } = yield* load({ files: [file], environment: {}, set: [] })
      assert.strictEqual(manifest.servers[0]?.source["path"], "s3cret")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  for (const [what, value, expected] of [
    ["an unset variable", "${env:NOPE}", "the environment variable NOPE is not set"],
    ["a missing file", "${file:/no/such}", "there is no file \"/no/such\" to read"],
    ["a folder", "${file:/tmp}", "there is no file \"/tmp\" to read"],
    ["the vault where there is none", "${secret:x}", "there is no vault here to look up secrets in"],
    ["a name no secret can have", "${secret:a b}", "\"${secret:a b}\" does not name a secret: a letter or digit"],
    ["an unknown kind", "${vault:x}", "\"${vault:x}\" is not a reference, expected ${env:NAME}"],
    ["no kind", "${HOME}", "\"${HOME}\" is not a reference, expected ${env:NAME}"],
    ["no end", "${env:X", "\"${\" is not closed"],
    ["a name no variable can have", "${env:a b}", "\"${env:a b}\" does not name an environment variable"]
  ] as const) {
    it.effect(`with ${what} is a mistake at its own line`, () =>
      Effect.gen(function*() {
        const [said = "", ...others] = yield* mistakesOf([serverWith(`path: "${value}"`)])
        assert.isTrue(said.startsWith(`1.yaml:6:11: servers.a.path: ${expected}`), said)
        assert.deepStrictEqual(others, [])
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("that a later layer overrides is not asked for", () =>
    Effect.gen(function*() {
      const { manifest } = yield* loadTexts(["version: 1\nrouting: { timeout: '${env:NOPE}' }\n"], { set: ["routing.timeout=3s"] })
      assert.isTrue(Equal.equals(manifest.routing.timeout, Duration.seconds(3)))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("of a server that is switched off may be missing, of one that runs not", () =>
    Effect.gen(function*() {
      const text = serverWith("path: ${env:NOPE}")
      assert.strictEqual((yield* mistakesOf([text])).length, 1)
      const { manifest } = yield* loadTexts([text], { set: ["servers.a.enabled=false"] })
      assert.strictEqual(manifest.servers[0]?.enabled, false)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("to the vault is looked up once for all of a name, and not at all for a server that is switched off", () =>
    Effect.gen(function*() {
      const asked: Array<ReadonlyArray<string>> = []
      const lookup: Lookup = (_, names) =>
        Effect.sync(() => {
          asked.push(names)
          return new Map(names.map((name) => [name, Redacted.make(`<${name}>`)]))
        })
      const text = serverWith("path: ${secret:x}", "config: { args: ['${secret:y} and ${secret:x}'] }")
      const { manifest } = yield* Effect.provideService(loadTexts([text]), SecretLookup, lookup)
      assert.deepStrictEqual(manifest.servers[0]?.config.args, ["<y> and <x>"])
      yield* Effect.provideService(loadTexts([text], { set: ["servers.a.enabled=false"] }), SecretLookup, lookup)
      assert.deepStrictEqual(asked.map((names) => [...names].sort()), [["x", "y"]])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("hides its value from the effective view and from mistakes", () =>
    Effect.gen(function*() {
      const secret = "hunter2hunter2"
      const text = serverWith("token: ${env:T}", "config: { headers: { Authorization: 'Bearer abcdef' } }")
      const { effective } = yield* loadTexts([text], { environment: { T: secret } })
      assert.include(effective.map(({ path, value }) => `${path}=${value}`), "servers.a.token=${env:T}")
      assert.notInclude(JSON.stringify(effective), "abcdef")
      assert.notInclude(JSON.stringify(effective), secret)
      const said = yield* mistakesOf(["version: 1\naggregation: { prefix: '${env:T}' }\nhosting: { drain: '${env:T}' }\n"], { environment: { T: secret } })
      assert.strictEqual(said.length, 2)
      assert.notInclude(said.join("\n"), secret)
    }).pipe(Effect.provide(NodeServices.layer)))
})
