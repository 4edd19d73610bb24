import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Equal } from "effect"
import * as fc from "fast-check"
import { overrideBySet } from "../../src/manifest/Overrides.ts"
import { readSource } from "../../src/manifest/Source.ts"
import { plain } from "../../src/manifest/Tree.ts"
import { loadTexts, mistakesOf, serverWith } from "../kit/manifest.ts"

describe("the cascade", () => {
  it.effect("goes defaults, files in order, environment, --set; each beats the one before", () =>
    Effect.gen(function*() {
      const first = "version: 1\nrouting: { timeout: 1s }\n"
      const second = "routing: { timeout: 2s }\n"
      const environment = { MANIFOLD__ROUTING__TIMEOUT: "3s" }
      const seconds = (texts: ReadonlyArray<string>, given = {}) =>
        Effect.map(loadTexts(texts, given), ({ manifest }) => Duration.toSeconds(manifest.routing.timeout))
      assert.strictEqual(yield* seconds(["version: 1\n"]), 60)
      assert.strictEqual(yield* seconds([first]), 1)
      assert.strictEqual(yield* seconds([first, second]), 2)
      assert.strictEqual(yield* seconds([first, second], { environment }), 3)
      assert.strictEqual(yield* seconds([first, second], { environment, set: ["routing.timeout=4s"] }), 4)
      assert.strictEqual(yield* seconds([first, second], { environment, set: ["routing.timeout=4s", "routing.timeout=5s"] }), 5)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("lets PORT win over the file, and --set over PORT", () =>
    Effect.gen(function*() {
      const text = "version: 1\nhosting: { port: 1000 }\n"
      const port = (given = {}) => Effect.map(loadTexts([text], given), ({ manifest }) => manifest.hosting.port)
      assert.strictEqual(yield* port({ environment: { PORT: "" } }), 1000)
      assert.strictEqual(yield* port({ environment: { PORT: "2000" } }), 2000)
      assert.strictEqual(yield* port({ environment: { PORT: "2000", MANIFOLD__HOSTING__PORT: "3000" } }), 3000)
      assert.strictEqual(yield* port({ environment: { PORT: "2000" }, set: ["hosting.port=4000"] }), 4000)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("merges servers by id and maps by key, but replaces lists", () =>
    Effect.gen(function*() {
      const first = serverWith("path: ./a", "config: { args: [x, y], environment: { A: one, B: two } }")
      const second = "servers:\n  - { id: a, config: { args: [z], environment: { B: three } } }\n  - { id: b, type: local, auth_strategy: bypass_auth }\n"
      const { manifest } = yield* loadTexts([first, second])
      assert.deepStrictEqual(manifest.servers.map(({ id }) => id), ["a", "b"])
      assert.deepStrictEqual(manifest.servers[0]?.config.args, ["z"])
      assert.deepStrictEqual(manifest.servers[0]?.config.environment, { A: "one", B: "three" })
      assert.deepStrictEqual(manifest.servers[0]?.source, { path: "./a" })
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reaches servers by id, from the environment too, and keeps the case of variable names", () =>
    Effect.gen(function*() {
      const text = "version: 1\nservers:\n  - { id: my-files, type: local, auth_strategy: bypass_auth }\n"
      const { manifest } = yield* loadTexts([text], {
        environment: { MANIFOLD__SERVERS__MY_FILES__CONFIG__ENVIRONMENT__LOG_LEVEL: "debug", MANIFOLD_VAULT_KEY: "no part of this" },
        set: ["servers.my-files.enabled=false", "servers.my-files.config.args=[\"a\", \"b=c\"]", "servers.my-files.watch=true"]
      })
      assert.strictEqual(manifest.servers[0]?.enabled, false)
      assert.deepStrictEqual(manifest.servers[0]?.config.environment, { LOG_LEVEL: "debug" })
      assert.deepStrictEqual(manifest.servers[0]?.config.args, ["a", "b=c"])
      assert.deepStrictEqual(manifest.servers[0]?.source, { watch: true })
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("points each mistake at the layer that gave the value, not at the one it was merged over", () =>
    Effect.gen(function*() {
      const said = yield* mistakesOf(
        ["version: 1\nhosting:\n  drain: 1\n  port: 1\nrouting:\n  timeout: 1s\n", "hosting:\n  drain: 2\n"],
        { environment: { MANIFOLD__HOSTING__PORT: "many", MANIFOLD__ROUTING__TIMEUOT: "1s" }, set: ["aggregation.prefix=alway"] }
      )
      assert.deepStrictEqual(said, [
        "2.yaml:2:10: hosting.drain: is a number, expected a number with its unit, such as 500ms, 10s or 60 seconds",
        "environment: hosting.port: is text, expected a number",
        "environment: routing.timeuot: is not a known key, did you mean \"timeout\"?",
        "--set: aggregation.prefix: is \"alway\", expected one of always, on_conflict, never, did you mean \"always\"?"
      ])
    }).pipe(Effect.provide(NodeServices.layer)))

  for (const [set, expected] of [
    ["routing.timeout", "--set: \"routing.timeout\" sets nothing, expected KEY=VALUE, such as routing.timeout=10s"],
    ["servers.b.enabled=false", "--set: servers.b.enabled: there is no server \"b\""],
    ["routing..timeout=1s", "--set: routing..timeout: is not a key"],
    ["__proto__.polluted=yes", "--set: __proto__.polluted: is not a key"],
    ["version.x=1", "--set: version.x: \"x\" lies below a single value"]
  ] as const) {
    it.effect(`refuses --set ${set}, saying why`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* mistakesOf([serverWith()], { set: [set] }), [expected])
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it("sets exactly the key it names: the last wins, and the others stay", () => {
    const key = fc.constantFrom("a", "b", "c")
    const path = fc.array(key, { minLength: 1, maxLength: 3 })
    const text = fc.stringMatching(/^[a-z=.: ]{0,8}$/u)
    const { tree } = readSource("z: 1\n", "m.yaml")
    fc.assert(fc.property(fc.uniqueArray(path, { selector: (each) => each[0] ?? "" }), text, text, (paths, before, after) => {
      if (tree === undefined) return assert.fail("no tree")
      const set = (value: string) => paths.map((each) => `${each.join(".")}=${value}`)
      const { problems, tree: changed } = overrideBySet(tree, [...set(before), ...set(after)])
      assert.deepStrictEqual(problems, [])
      const nested = (keys: ReadonlyArray<string>): unknown => keys.reduceRight<unknown>((value, each) => ({ [each]: value }), after)
      const expected = Object.assign({ z: 1 }, ...paths.map(nested))
      assert.isTrue(Equal.equals(plain(changed), expected))
    }))
  })
})
