import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Layer, Schema } from "effect"
import { Plugin } from "#plugin"
import { Registry } from "../../src/host/Registry.ts"
import { ThirdParty } from "../../src/host/ThirdParty.ts"
import { temporaryHost, temporaryLent } from "../kit/pluginHost.ts"

const problemsWith = (name: string, config: unknown) =>
  Effect.gen(function*() {
    const registry = yield* Registry
    const refused = yield* Effect.flip(registry.decode("loader", name, config))
    return refused._tag === "ConfigRefused" ? refused.problems : assert.fail(refused.message)
  })

describe("Registry.decode", () => {
  it.effect("lists every mistake at once, instead of the first", () =>
    Effect.gen(function*() {
      const problems = yield* problemsWith("npm", { package: "Not A Name", version: "git+ssh://x", registry: "ftp://x" })
      assert.deepStrictEqual(problems.map(({ path }) => path.join(".")), ["package", "version", "registry"])
    }).pipe(Effect.provide(temporaryHost)))

  it.effect("gives the known keys beside an unknown one, for a hint", () =>
    Effect.gen(function*() {
      const [problem] = yield* problemsWith("npm", { package: "left-pad", version: "1.0.0", regsitry: "x" })
      assert.strictEqual(problem?.message, "unknown key")
      assert.deepStrictEqual(problem?.known, ["package", "version", "bin", "registry", "allow_scripts"])
    }).pipe(Effect.provide(temporaryHost)))

  it.effect("says what to write for what is no version", () =>
    Effect.gen(function*() {
      for (const version of ["", "--registry=http://evil", "file:/etc", "https://evil/x.tgz", "1.0.0\n2"]) {
        const [problem] = yield* problemsWith("npm", { package: "left-pad", version })
        assert.include(problem?.message, "expected a version, a range or a tag")
      }
    }).pipe(Effect.provide(temporaryHost)))

  it.effect("never repeats a value, which may be a secret", () =>
    Effect.gen(function*() {
      const problems = yield* problemsWith("remote", { url: "hunter2", transport: "hunter2", hunter: "hunter2" })
      assert.notInclude(JSON.stringify(problems), "hunter2")
    }).pipe(Effect.provide(temporaryHost)))

  it.effect("names the nearest plugins for one that is not there", () =>
    Effect.gen(function*() {
      const registry = yield* Registry
      const unknown = yield* Effect.flip(registry.decode("loader", "lokal", {}))
      assert.include(unknown.message, 'did you mean "local"?')
    }).pipe(Effect.provide(temporaryHost)))

  it.effect("gives equal configs for equal input, so that an unchanged server is kept", () =>
    Effect.gen(function*() {
      const registry = yield* Registry
      const decode = registry.decode("loader", "remote", { url: "https://mcp.example.com/mcp" })
      assert.isTrue(Equal.equals((yield* decode).config, (yield* decode).config))
    }).pipe(Effect.provide(temporaryHost)))
})

describe("a plugin that breaks", () => {
  const hostOf = (plugin: Plugin.AnyPlugin) =>
    Effect.provide(Layer.provide(Registry.layer([plugin]), Layer.merge(temporaryLent, noThirdParty)))

  const throwing = Plugin.make({
    kind: "loader",
    name: "bad",
    summary: "Throws",
    decode: () => {
      throw new Error("no luck")
    }
  })

  it.effect("in its schema refuses the config, instead of taking the other servers along", () =>
    Effect.gen(function*() {
      const [problem] = yield* problemsWith("bad", {})
      assert.include(problem?.message, "no luck")
    }).pipe(hostOf(throwing)))

  it.effect("in build fails with a typed error, instead of taking its caller along", () =>
    Effect.gen(function*() {
      const part = yield* Effect.flatMap(Registry, (registry) => registry.decode("loader", "bad", {}))
      const failure = yield* Effect.flip(part.build)
      assert.strictEqual(failure._tag, "BuildFailed")
      assert.include(failure.message, "no luck")
    }).pipe(hostOf(broken({ inBuild: true }))))

  it.effect("in a step fails that step, instead of taking its caller along", () =>
    Effect.gen(function*() {
      const part = yield* Effect.flatMap(Registry, (registry) => registry.decode("loader", "bad", {}))
      const loader = yield* part.build
      const failure = yield* Effect.flip(loader.launch("/", { source: "bad", digest: "bad" }, { environment: [], limits: {} }))
      assert.strictEqual(failure.step, "launch")
    }).pipe(hostOf(broken({ inBuild: false }))))
})

const noThirdParty = Layer.succeed(ThirdParty, { find: () => Effect.die(new Error("not in this test")) })

const broken = ({ inBuild }: { readonly inBuild: boolean }) =>
  Plugin.define("loader", {
    name: "bad",
    summary: "Throws",
    config: Schema.Struct({}),
    build: () => {
      if (inBuild) throw new Error("no luck")
      return Effect.succeed({
        resolve: Effect.succeed({ source: "bad", digest: "bad" }),
        launch: () => {
          throw new Error("no luck")
        }
      })
    }
  })
