/** The contract suites on one third-party plugin of each kind and face. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted } from "effect"
import { Registry } from "../../src/host/Registry.ts"
import { temporaryHost } from "../kit/pluginHost.ts"
import { effectAuth, effectLoader, plainAuth, plainLoader, pluginFolder } from "../kit/thirdParty.ts"
import { effectProvider, plainProvider, signedToken } from "../kit/thirdPartyProviders.ts"
import { authContract } from "./auth.ts"
import { loaderContract } from "./loader.ts"
import { providerContract } from "./provider.ts"

/** The usual host with one more plugin, loaded from a file. */
const hostWith = (text: string) =>
  Layer.provideMerge(
    Layer.effectDiscard(Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const use = `${yield* pluginFolder}/plugin.mjs`
      yield* files.writeFileString(use, text)
      const { refused } = yield* Effect.flatMap(Registry, (registry) => registry.replaceThirdParty([{ use }]))
      if (refused[0] !== undefined) return yield* refused[0]
    })),
    temporaryHost
  )

for (const [face, text] of [["plain", plainLoader], ["effect", effectLoader]] as const) {
  loaderContract({
    name: `${face}-loader`,
    host: hostWith(text({ name: `${face}-loader`, answer: "one" })),
    good: { server: import.meta.filename, key: "hunter2" },
    bad: [{ config: {}, at: "server" }, { config: { server: 7 }, at: "server" }]
  })
}

for (const [face, text] of [["plain", plainAuth], ["effect", effectAuth]] as const) {
  authContract({
    name: `${face}-auth`,
    host: hostWith(text(`${face}-auth`)),
    good: { header: "x-key" },
    bad: [{ config: {}, at: "header" }, { config: { header: 7 }, at: "header" }]
  })
}

const AUDIENCE = "https://gw.example.com/mcp"
const issuer = "https://id.example.com"
const key = "hunter2"
const tokenOf = (subject: string) => signedToken(key, subject, AUDIENCE, Math.floor(Date.now() / 1000) + 600)

for (const [face, text] of [["plain", plainProvider], ["effect", effectProvider]] as const) {
  const name = `${face}-provider`
  const host = hostWith(text(name))
  providerContract({
    name,
    host,
    good: { issuer, key },
    bad: [{ config: { issuer }, at: "key" }, { config: { issuer: 7, key }, at: "issuer" }],
    token: { text: tokenOf("ada"), audience: AUDIENCE }
  })

  describe(`a third-party provider of the ${face} face`, () => {
    const provider = Effect.flatMap(Registry, (registry) => registry.decode("provider", name, { issuer, key })).pipe(
      Effect.flatMap((part) => part.build)
    )
    const failureFor = (subject: string) =>
      Effect.flatMap(provider, ({ validate }) => Effect.flip(validate(Redacted.make(tokenOf(subject)), AUDIENCE)))

    it.live("lets nobody in when it breaks, and what it threw is not repeated: it may hold the token", () =>
      Effect.gen(function*() {
        const failed = yield* failureFor("broken")
        assert.strictEqual(failed._tag, "ProviderUnavailable")
        assert.strictEqual(failed.message, `The issuer ${issuer} could not be asked: the provider "${name}" broke (Error)`)
        assert.notInclude(JSON.stringify(failed) + failed.stack, tokenOf("broken").slice(0, 20))
      }).pipe(Effect.provide(host)))

    it.live("cannot let in somebody of another issuer, or nobody", () =>
      Effect.gen(function*() {
        const failed = yield* failureFor(face === "effect" ? "foreign" : "liar")
        assert.match(failed.message, /named another issuer than its own|gave an answer of another form/u)
      }).pipe(Effect.provide(host)))

    it.live("is believed for a minute at most, and has only what it wrote", () =>
      Effect.gen(function*() {
        const { believedFor, metadata, refresh } = yield* provider
        assert.strictEqual(believedFor, face === "effect" ? 60_000 : 5000)
        assert.strictEqual((yield* Effect.flip(metadata))._tag, "ProviderUnavailable")
        if (face === "effect") return
        const tokens = yield* refresh(Redacted.make("first"))
        assert.strictEqual(Redacted.value(tokens.accessToken), "next-first")
        assert.strictEqual((yield* Effect.flip(refresh(Redacted.make("spent"))))._tag, "TokenRefused")
      }).pipe(Effect.provide(host)))
  })
}
