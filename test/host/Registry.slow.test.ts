import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { Registry } from "../../src/host/Registry.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { effectAuth, effectLoader, plainAuth, plainLoader, pluginFolder } from "../kit/thirdParty.ts"

const faces = [["plain", plainLoader], ["Effect", effectLoader]] as const

for (const [face, loaderText] of faces) {
  describe(`a third-party loader of the ${face} face`, () => {
    it.live("resolves, prepares and launches with its own copy of effect beside it", () =>
      Effect.gen(function*() {
        const { use, server } = yield* pluginWith(loaderText({ name: "mine", answer: "one" }))
        const registry = yield* Registry
        const { refused, changed } = yield* registry.replaceThirdParty([{ use }])
        assert.deepStrictEqual(refused.map(({ message }) => message), [])
        assert.deepStrictEqual(changed, [{ kind: "loader", name: "mine" }])

        const launch = yield* launched({ server, key: "hunter2" })
        assert.strictEqual(launch._tag === "Stdio" && launch.args.at(-1), "one")
      }).pipe(Effect.provide(temporaryHost)))

    it.live("is imported anew when its file changes, and not when it stays the same", () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const { use, server } = yield* pluginWith(loaderText({ name: "mine", answer: "one" }))
        const registry = yield* Registry
        yield* registry.replaceThirdParty([{ use }])
        const first = registry.revisionOf("loader", "mine")
        assert.deepStrictEqual((yield* registry.replaceThirdParty([{ use }])).changed, [])

        yield* files.writeFileString(use, loaderText({ name: "mine", answer: "two" }))
        const { changed } = yield* registry.replaceThirdParty([{ use }])

        assert.deepStrictEqual(changed, [{ kind: "loader", name: "mine" }])
        assert.notStrictEqual(registry.revisionOf("loader", "mine"), first)
        const launch = yield* launched({ server })
        assert.strictEqual(launch._tag === "Stdio" && launch.args.at(-1), "two")
      }).pipe(Effect.provide(temporaryHost)))

    it.live("keeps its last good version when the new one is broken, and is gone when its entry is", () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const { use, server } = yield* pluginWith(loaderText({ name: "mine", answer: "one" }))
        const registry = yield* Registry
        yield* registry.replaceThirdParty([{ use }])

        yield* files.writeFileString(use, "export default {")
        const broken = yield* registry.replaceThirdParty([{ use }])
        assert.strictEqual(broken.refused.length, 1)
        assert.deepStrictEqual(broken.changed, [])
        yield* launched({ server })

        const removed = yield* registry.replaceThirdParty([])
        assert.deepStrictEqual(removed.changed, [{ kind: "loader", name: "mine" }])
        assert.strictEqual((yield* Effect.flip(registry.decode("loader", "mine", {})))._tag, "UnknownPlugin")
      }).pipe(Effect.provide(temporaryHost)))
  })
}

describe("third-party auth strategies", () => {
  for (const [face, text] of [["plain", plainAuth("mine")], ["Effect", effectAuth("mine")]] as const) {
    it.live(`of the ${face} face give redacted headers or a typed refusal`, () =>
      Effect.gen(function*() {
        const { use } = yield* pluginWith(text)
        const registry = yield* Registry
        yield* registry.replaceThirdParty([{ use }])
        const strategy = yield* Effect.flatMap(registry.decode("auth", "mine", { header: "x-key" }), (part) => part.build)

        const given = yield* strategy.credential({ issuer: "i", subject: "ada" }, { id: "files" })
        const header = given.headers["x-key"]
        assert.strictEqual(header && Redacted.value(header), "for-ada-at-files")
        const refusal = yield* Effect.flip(strategy.credential({ issuer: "i", subject: "mallory" }, { id: "files" }))
        assert.strictEqual(refusal._tag, "CredentialRefused")
      }).pipe(Effect.provide(temporaryHost)))
  }

  it.live("never pass on what a plain one throws", () =>
    Effect.gen(function*() {
      const { use } = yield* pluginWith(plainAuth("mine"))
      const registry = yield* Registry
      yield* registry.replaceThirdParty([{ use }])
      const strategy = yield* Effect.flatMap(registry.decode("auth", "mine", { header: "x-key" }), (part) => part.build)
      const refusal = yield* Effect.flip(strategy.credential({ issuer: "i", subject: "broken" }, { id: "files" }))
      assert.notInclude(refusal.message, "hunter2")
    }).pipe(Effect.provide(temporaryHost)))
})

describe("entries of `plugins`", () => {
  it.live("fail alone, each with its reason", () =>
    Effect.gen(function*() {
      const good = yield* pluginWith(plainLoader({ name: "mine", answer: "one" }))
      const taken = yield* pluginWith(plainLoader({ name: "npm", answer: "one" }))
      const throwing = yield* pluginWith("throw new Error('no luck')")
      const odd = yield* pluginWith("export default 7")
      const notLent = yield* pluginWith("import 'effect/sql'")
      const registry = yield* Registry

      const { changed, refused } = yield* registry.replaceThirdParty([
        { use: "./missing.mjs" },
        { use: throwing.use },
        { use: odd.use },
        { use: notLent.use },
        { use: good.use, integrity: "sha512-AAAA" },
        { use: taken.use },
        { use: "some-package" },
        { use: (yield* pluginWith(plainLoader({ name: "other", answer: "one" }))).use }
      ])

      assert.deepStrictEqual(changed, [{ kind: "loader", name: "other" }])
      const reasons = refused.map(({ reason }) => reason).join("\n")
      for (
        const reason of ["no such file", "no luck", "default export", "is not lent", "expected sha512-AAAA", "already a loader", "exact `version`"]
      ) assert.include(reasons, reason)
      assert.strictEqual(refused.length, 7)
    }).pipe(Effect.provide(temporaryHost)))

  it.live("are read anew together with the files next to them", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const { use, folder, server } = yield* pluginWith(plainLoader({ name: "mine", answer: "one" }))
      const split = (answer: string) => files.writeFileString(`${folder}/parts.mjs`, plainLoader({ name: "mine", answer }))
      const registry = yield* Registry
      yield* split("one")
      yield* files.writeFileString(use, "export { default } from './parts.mjs' // 1")
      yield* registry.replaceThirdParty([{ use }])
      yield* split("two")
      yield* files.writeFileString(use, "export { default } from './parts.mjs' // 2")
      yield* registry.replaceThirdParty([{ use }])

      const launch = yield* launched({ server })
      assert.strictEqual(launch._tag === "Stdio" && launch.args.at(-1), "two")
    }).pipe(Effect.provide(temporaryHost)))
})

describe("a plain plugin with another major version of effect inside", () => {
  it.live("keeps its own copy, instead of getting the host's", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      const text = plainLoader({ name: "mine", answer: "one" }).replace(/import .*zod.*/u, USES_EFFECT_3)
      yield* files.makeDirectory(`${folder}/node_modules/effect`, { recursive: true })
      yield* files.writeFileString(`${folder}/node_modules/effect/package.json`, EFFECT_3)
      yield* files.writeFileString(`${folder}/node_modules/effect/index.js`, "export const three = 3")
      yield* files.writeFileString(`${folder}/plugin.mjs`, text)
      const registry = yield* Registry
      const { refused } = yield* registry.replaceThirdParty([{ use: `${folder}/plugin.mjs` }])
      assert.deepStrictEqual(refused.map(({ message }) => message), [])
    }).pipe(Effect.provide(temporaryHost)))
})

const EFFECT_3 = JSON.stringify({ name: "effect", version: "3.22.4", type: "module", exports: "./index.js" })

const USES_EFFECT_3 = `
import { three } from "effect"
const any = { optional: () => any, min: () => any }
const z = { string: () => any, strictObject: () => ({ "~standard": { version: 1, vendor: "x", validate: (value) => ({ value }) } }) }
`

const pluginWith = Effect.fnUntraced(function*(text: string) {
  const files = yield* FileSystem.FileSystem
  const folder = yield* pluginFolder
  const use = `${folder}/plugin.mjs`
  const server = `${folder}/server.mjs`
  yield* files.writeFileString(use, text)
  yield* files.writeFileString(server, "")
  return { folder, use, server }
})

const launched = Effect.fnUntraced(function*(config: unknown) {
  const files = yield* FileSystem.FileSystem
  const registry = yield* Registry
  const part = yield* registry.decode("loader", "mine", config)
  const loader = yield* part.build
  const directory = yield* files.makeTempDirectoryScoped()
  const resolved = yield* loader.resolve
  yield* loader.prepare?.(resolved, directory) ?? Effect.void
  assert.isTrue(yield* files.exists(`${directory}/prepared`))
  return yield* loader.launch(directory, resolved, { environment: [], limits: {} })
})
