/** Servers that stop when nobody uses them, and start with the first call: what is listed meanwhile, what keeps them, what they cost. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { call, load } from "../kit/calls.ts"
import { officialClient } from "../kit/client.ts"
import { eventually, fixtureEntry, statusOf, whenReady } from "../kit/fixtures.ts"
import { freePort } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"
import { session, textOf } from "../kit/wire.ts"

const idle_stop = "1 second"

const asleep = (base: string, ...ids: ReadonlyArray<string>) =>
  eventually("not asleep", statusOf(base), (all) => ids.every((id) => all.some((one) => one.id === id && one.actual.phase === "idle")))

const model = (id: string, more: object) =>
  ({ id, type: "local", path: resolve("test/fixtures/servers/model.mjs"), auth_strategy: "bypass_auth", idle_stop, ...more })

describe("a server with idle_stop", () => {
  it.live("stops, stays listed and ready, and is started once by many first calls; a call, a session or a subscription keeps it", () =>
    Effect.gen(function*() {
      const manifest = {
        servers: [
          fixtureEntry({ id: "plain", entry: { idle_stop, required: true } }),
          fixtureEntry({ id: "pair", era: "modern", entry: { idle_stop, replicas: 2 } }),
          model("ported", { config: { port: yield* freePort, environment: { ERA: "modern" } } }),
          fixtureEntry({ id: "own", entry: { idle_stop, sharing: "per_session" } }),
          fixtureEntry({ id: "stays" })
        ]
      }
      const gate = yield* gateway(manifest)
      const { origin } = new URL(gate.url)
      yield* eventually("not up", statusOf(origin), (all) => all.every(({ actual }) => actual.phase === "ready" || actual.asleep === true))
      const mine = yield* Effect.promise(() => session(gate.url))
      const own = yield* Effect.promise(() => mine.call("own__pid"))
      const working = call(gate.url, "plain__slow", { millis: 4000 })
      yield* eventually("not called", statusOf(origin), (all) => all.some(({ actual, id }) => id === "plain" && actual.calls === 1))

      const all = yield* asleep(origin, "pair", "ported")
      assert.deepInclude(all.find(({ id }) => id === "plain")?.actual, { phase: "ready", calls: 1 })
      assert.deepInclude(all.find(({ id }) => id === "pair")?.actual, { phase: "idle", why: "nobody has used it for 1s", restarts: 0 })
      assert.strictEqual((yield* Effect.promise(() => working)).text, "late")
      const stopped = yield* asleep(origin, "plain")
      assert.deepStrictEqual(stopped.filter(({ actual }) => actual.phase === "ready").map(({ id }) => id), ["own", "stays"])
      // One process of "own" for its lists, one for the session.
      yield* eventually("processes left", Effect.sync(() => gate.descendants().length), (count) => count === 3)
      assert.strictEqual((yield* Effect.promise(() => fetch(`${origin}/health/ready`))).status, 200)
      const listed = yield* Effect.promise(() => mine.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
      for (const name of ["plain__echo", "pair__echo", "ported__echo"]) assert.include(listed.text, `"${name}"`)

      const answers = yield* Effect.promise(() => Promise.all(Array.from({ length: 20 }, () => call(gate.url, "plain__pid", {}))))
      assert.deepStrictEqual(answers.filter(({ error }) => error !== undefined), [])
      assert.strictEqual(new Set(answers.map(({ text }) => text)).size, 1)
      const pair = yield* Effect.promise(() => Promise.all(Array.from({ length: 8 }, () => call(gate.url, "pair__pid", {}))))
      assert.strictEqual(new Set(pair.map(({ text }) => text)).size, 2)
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "ported__echo", { value: "up" }))).text, "up")
      assert.strictEqual(textOf(yield* Effect.promise(() => mine.call("own__pid"))), textOf(own), "its session is where it was")
      assert.deepStrictEqual((yield* statusOf(origin)).map(({ actual }) => actual.restarts), [0, 0, 0, 0, 0])
    }).pipe(Effect.scoped))

  it.live("is kept by a subscription and woken by one; what is asleep is replaced by a new form as any other", () =>
    Effect.gen(function*() {
      const form = (label: string) => ({ servers: [model("watched", { config: { args: ["x"], environment: { ERA: "legacy", LABEL: label } } })] })
      const gate = yield* gateway(form("old"))
      const { origin } = new URL(gate.url)
      yield* asleep(origin, "watched")
      const client = yield* officialClient(gate.url, "legacy")
      const heard: Array<string> = []
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri))
      yield* Effect.promise(() => client.subscribeResource({ uri: "model://a/x" }))
      yield* whenReady(origin, ["watched"])
      yield* Effect.sleep("1500 millis")
      assert.strictEqual((yield* statusOf(origin))[0]?.actual.phase, "ready")
      yield* Effect.promise(() => call(gate.url, "watched__touch", { uri: "model://a/x", value: "" }))
      yield* eventually("not told", Effect.sync(() => heard), (all) => all.includes("model://a/x"))
      yield* Effect.promise(() => client.unsubscribeResource({ uri: "model://a/x" }))
      yield* asleep(origin, "watched")

      const callers = load(gate.url, "watched__echo", { value: "through" }, 2)
      gate.rewrite(form("new"))
      yield* eventually("still the old form", Effect.promise(() => call(gate.url, "watched__state", {})), ({ text }) => text.includes(`"label":"new"`))
      yield* Effect.promise(callers.stop)
      assert.deepStrictEqual(callers.failures, [])
    }).pipe(Effect.scoped))

  it.live("that cannot be started again says so to its first caller, at once", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [fixtureEntry({ id: "gone", environment: { ONLY_ONCE: "{home}/once" }, entry: { idle_stop } })] })
      const { origin } = new URL(gate.url)
      yield* asleep(origin, "gone")
      const began = performance.now()
      const { error } = yield* Effect.promise(() => call(gate.url, "gone__echo", {}))
      assert.match(error ?? "", /^Server "gone" is not running now: it is degraded/u)
      assert.isBelow(performance.now() - began, 5000)
      const [status] = yield* statusOf(origin)
      assert.match(status?.actual.why ?? "", /exited with code 1/u)
    }).pipe(Effect.scoped))
})
