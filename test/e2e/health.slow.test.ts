/** Servers that hang: found by health checks, shown with the reason, started or opened anew; one that only works long is left alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { resolve } from "node:path"
import { moodyBackend } from "../kit/backend.ts"
import { eventually, fixtureEntry, statusOf, whenReady } from "../kit/fixtures.ts"
import { gateway } from "../kit/gateway.ts"
import { session, textOf } from "../kit/wire.ts"

const health = { interval: "300ms", timeout: "200ms", failures: 2 }
const timeout = "3 seconds"

describe("a server that hangs", () => {
  it.live("is found, shown with the reason and started anew; what computes, works long or knows no ping is left alone (case 83)", () =>
    Effect.gen(function*() {
      const far = yield* moodyBackend("well")
      const gate = yield* gateway({
        routing: { health, timeout },
        servers: [
          fixtureEntry({ id: "frozen" }),
          fixtureEntry({ id: "muted", era: "modern" }),
          fixtureEntry({ id: "working" }),
          fixtureEntry({ id: "computing" }),
          fixtureEntry({ id: "unasked", entry: { health: { interval: "off" } } }),
          { id: "pingless", type: "local", path: resolve("test/fixtures/servers/answer.mjs"), auth_strategy: "bypass_auth", config: { args: ["here"] } },
          { id: "far", type: "remote", url: far.url, auth_strategy: "bypass_auth" }
        ]
      })
      const { origin } = new URL(gate.url)
      yield* whenReady(origin, ["frozen", "muted", "working", "computing", "unasked", "pingless", "far"])
      const { call } = yield* Effect.promise(() => session(gate.url))
      const called = (name: string, args: object = {}) => Effect.promise(() => call(name, args))
      const at = (id: string) => Effect.map(statusOf(origin), (all) => all.find((one) => one.id === id)?.actual)

      const working = yield* Effect.forkChild(called("working__slow", { millis: 2500 }))
      const computing = yield* Effect.forkChild(called("computing__compute", { millis: 2500 }))
      const hanging = yield* Effect.forkChild(Effect.all(["frozen__freeze", "muted__mute", "unasked__mute"].map((name) => called(name)), { concurrency: 3 }))
      far.become("silent")

      for (const id of ["frozen", "muted"]) {
        const seen = yield* eventually("not found", at(id), (actual) => actual?.phase === "degraded")
        assert.match(seen?.why ?? "", new RegExp(`^Server "${id}" does not answer any more: 2 health checks in a row, nothing for \\d+s$`, "u"))
      }
      for (const reply of yield* Fiber.join(hanging)) assert.match(reply.message?.error?.message ?? "", /does not answer any more|did not answer within 3000 ms/u)
      assert.strictEqual(textOf(yield* Fiber.join(working)), "late")
      assert.strictEqual(textOf(yield* Fiber.join(computing)), "computed")
      const away = yield* eventually("not found", at("far"), (actual) => actual?.phase !== "ready")
      assert.match(away?.why ?? "", /^Server "far" did not answer within|^Server "far" does not answer any more/u)

      far.become("well")
      yield* whenReady(origin, ["frozen", "muted", "far"])
      for (const id of ["frozen", "muted"]) assert.strictEqual(textOf(yield* called(`${id}__echo`)), "{}")
      const restarts = Object.fromEntries((yield* statusOf(origin)).map(({ actual, id }) => [id, actual.restarts]))
      assert.deepInclude(restarts, { frozen: 1, muted: 1, working: 0, computing: 0, unasked: 0, pingless: 0 })
      assert.strictEqual((yield* at("unasked"))?.phase, "ready", "nobody asked it")
    }).pipe(Effect.scoped))

  it.live("in a process of one session is found there: that session gets another, and nobody else notices", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ routing: { health, timeout: "1 second" }, servers: [fixtureEntry({ id: "own", entry: { sharing: "per_session" } })] })
      const { origin } = new URL(gate.url)
      yield* whenReady(origin, ["own"])
      const [ada, bob] = yield* Effect.all([Effect.promise(() => session(gate.url)), Effect.promise(() => session(gate.url))])
      const pidOf = ({ call }: typeof ada) => Effect.map(Effect.promise(() => call("own__pid")), textOf)
      const [first, other] = [yield* pidOf(ada), yield* pidOf(bob)]
      yield* Effect.promise(() => ada.call("own__mute"))
      const next = yield* eventually("still hanging", Effect.map(Effect.promise(() => ada.call("own__pid")), ({ text }) => /"text":"(\d+)"/u.exec(text)?.[1] ?? ""), (pid) => pid !== "")
      assert.notStrictEqual(next, first)
      assert.strictEqual(yield* pidOf(bob), other)
      assert.strictEqual((yield* statusOf(origin))[0]?.actual.restarts, 0)
    }).pipe(Effect.scoped))
})
