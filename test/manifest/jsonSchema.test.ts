import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Predicate } from "effect"
import { Ajv2020 } from "ajv/dist/2020.js"
import { parse } from "yaml"
import { builtIn } from "../../plugins/node.ts"
import { manifestJsonSchema, sayJsonSchema } from "../../src/manifest/JsonSchema.ts"
import { serverWith } from "../kit/manifest.ts"

const validate = new Ajv2020({ strict: false }).compile(manifestJsonSchema(builtIn))
const fits = (text: string) => validate(parse(text))

describe("the JSON Schema of the manifest", () => {
  it.effect("in manifests/ is the one the code gives (else: node scripts/schema.ts)", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      assert.strictEqual(yield* files.readFileString("manifests/manifest.schema.json"), sayJsonSchema(builtIn))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("accepts every manifest that comes with the gateway", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      for (const file of ["gateway.yaml", "examples/simple-setup.yaml", "examples/development.yaml"]) {
        assert.isTrue(fits(yield* files.readFileString(`manifests/${file}`)), `${file}: ${JSON.stringify(validate.errors)}`)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const [what, text, good] of [
    ["a reference where a number belongs", "version: 1\nhosting: { port: \"${env:PORT}\" }\n", true],
    ["text where a number belongs", "version: 1\nhosting: { port: high }\n", false],
    ["an unknown key", "version: 1\nhosting: { prot: 1 }\n", false],
    ["another version", "version: 2\n", false],
    ["a loader's own key", serverWith("path: ./x"), true],
    ["a key of no loader", serverWith("pahts: ./x"), false],
    ["the key of another loader", serverWith("package: x"), false],
    ["any key of a third-party loader", serverWith("bucket: x").replace("type: local", "type: s3"), true],
    ["a server without auth_strategy", serverWith().replace("auth_strategy: bypass_auth", "path: ./x"), false],
    ["a strategy's unknown key", serverWith("path: ./x", "auth_config: { token: x }"), false]
  ] as const) {
    it(`${good ? "accepts" : "refuses"} ${what}`, () => {
      assert.strictEqual(fits(text), good, JSON.stringify(validate.errors))
    })
  }

  it("describes every key in words, for the person who hovers over it", () => {
    const silent: Array<string> = []
    const walk = (schema: unknown, path: string): void => {
      if (!Predicate.isObject(schema)) return
      const entries = Object.entries(schema)
      for (const [keyword, value] of entries) {
        if (keyword === "properties" && Predicate.isObject(value) && !path.endsWith("/if")) {
          for (const [key, property] of Object.entries(value)) {
            if (property !== true && !(Predicate.isObject(property) && "description" in property) && !path.includes("/allOf")) silent.push(`${path}/${key}`)
          }
        }
        walk(value, `${path}/${keyword}`)
      }
    }
    walk(manifestJsonSchema(builtIn), "")
    assert.deepStrictEqual(silent, [])
  })
})
