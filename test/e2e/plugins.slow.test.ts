/** Third-party plugins in the one-file bundle: each face loaded, swapped for a changed version under load, removed. */
import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { call, load, postCall, serving, statusOf, until } from "../kit/calls.ts"
import { gateway } from "../kit/gateway.ts"
import { effectLoader, plainLoader, pluginFolder } from "../kit/thirdParty.ts"
import { effectProvider, plainProvider, signedToken } from "../kit/thirdPartyProviders.ts"

const answer = resolve("test/fixtures/servers/answer.mjs")

describe("third-party plugins in the bundle", () => {
  for (const { face, text } of [{ face: "plain", text: plainLoader }, { face: "Effect", text: effectLoader }]) {
    it.live(`one of the ${face} face is loaded, swapped under load without a failed call, and removed`, () =>
      Effect.gen(function*() {
        const folder = yield* pluginFolder
        const plugin = join(folder, "mine.mjs")
        writeFileSync(plugin, text({ name: "mine", answer: "one" }))
        const manifest = {
          plugins: [{ use: plugin }],
          servers: [{ id: "own", type: "mine", server: answer, auth_strategy: "bypass_auth" }]
        }
        const gate = yield* gateway(manifest, { command: ["node", resolve("dist/manifold.mjs")] })
        yield* Effect.promise(() => serving(gate.url, "own"))
        const callers = load(gate.url, "own__answer", {})
        yield* Effect.promise(() => until(async () => callers.answers, (answers) => answers.has("one")))

        writeFileSync(plugin, text({ name: "mine", answer: "two" }))
        yield* Effect.promise(() => until(async () => callers.answers, (answers) => answers.has("two")))
        yield* Effect.promise(callers.stop)
        const swapped = yield* Effect.promise(() => call(gate.url, "own__answer", {}))

        gate.rewrite({ servers: [] })
        yield* Effect.promise(() => until(() => statusOf(gate.url), ({ servers }) => servers.length === 0))
        const removed = yield* Effect.promise(() => call(gate.url, "own__answer", {}))
        gate.rewrite({ servers: manifest.servers })
        const without = yield* Effect.promise(() => until(() => statusOf(gate.url), ({ servers }) => servers.length === 1))

        assert.deepStrictEqual(callers.failures, [])
        assert.deepStrictEqual([...callers.answers].sort(), ["one", "two"])
        assert.strictEqual(swapped.text, "two")
        assert.strictEqual(removed.error, "Unknown tool: own__answer")
        assert.match(without.servers[0]?.wanted.problem ?? "", /There is no loader plugin "mine"/u)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)
  }

  for (const { face, text } of [{ face: "plain", text: plainProvider }, { face: "Effect", text: effectProvider }]) {
    it.live(`a provider of the ${face} face says who may call: tokens of its key for this endpoint, and no others`, () =>
      Effect.gen(function*() {
        const plugin = join(yield* pluginFolder, "mine.mjs")
        writeFileSync(plugin, text("mine"))
        const gate = yield* gateway({
          plugins: [{ use: plugin }],
          master_oauth: { provider: "mine", issuer: "https://id.example.com", key: "hunter2" },
          servers: [{ id: "own", type: "local", path: answer, auth_strategy: "bypass_auth", config: { args: ["here"] } }]
        }, { command: ["node", resolve("dist/manifold.mjs")] })
        const inAnHour = Math.floor(Date.now() / 1000) + 3600
        const asked = async (key: string, audience: string) => {
          const headers = { authorization: `Bearer ${signedToken(key, "ada", audience, inAnHour)}` }
          const response = await postCall(gate.url, { name: "own__answer", headers })
          return { status: response.status, text: await response.text() }
        }
        const good = yield* Effect.promise(() => until(() => asked("hunter2", gate.url), ({ text }) => text.includes("here")))
        const others = yield* Effect.promise(() => Promise.all([asked("hunter3", gate.url), asked("hunter2", `${gate.url}/`)]))

        assert.strictEqual(good.status, 200)
        assert.deepStrictEqual(others.map(({ status }) => status), [401, 401])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)
  }

  it.live("one that does not load is said in the status, and harms no other server", () =>
    Effect.gen(function*() {
      const folder = yield* pluginFolder
      writeFileSync(join(folder, "broken.mjs"), "throw new Error(\"not today\")")
      const gate = yield* gateway({
        plugins: [{ use: join(folder, "broken.mjs") }],
        servers: [{ id: "fine", type: "local", path: answer, auth_strategy: "bypass_auth", config: { args: ["here"] } }]
      }, { command: ["node", resolve("dist/manifold.mjs")] })

      yield* Effect.promise(() => serving(gate.url, "fine"))
      const status = yield* Effect.promise(() => statusOf(gate.url))

      assert.match(status.plugins.join(), /broken\.mjs" was not loaded: .*not today/u)
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "fine__answer", {}))).text, "here")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)
})
