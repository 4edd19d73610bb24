/** Changes of the manifest under load: nothing that stays is touched, nothing that goes is left behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { call, load, serving, statusOf, until } from "../kit/calls.ts"
import { officialClient } from "../kit/client.ts"
import { freePort } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"

const server = (id: string, ...args: ReadonlyArray<string>) => ({
  id,
  type: "local",
  path: resolve("test/fixtures/servers/answer.mjs"),
  auth_strategy: "bypass_auth",
  config: { args }
})

describe("reload", () => {
  it.live("200 changes of one server fail no call to another, and leave no process behind", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [server("stays", "same"), server("changes", "form-0")] })
      const before = yield* Effect.promise(() => serving(gate.url, "stays", "changes"))
      const children = gate.descendants().length
      const callers = load(gate.url, "stays__answer", {})

      for (let form = 1; form <= 200; form++) {
        gate.rewrite({ servers: [server("stays", "same"), server("changes", `form-${form}`)] })
        yield* Effect.promise(() => until(() => call(gate.url, "changes__answer", {}), ({ text }) => text === `form-${form}`))
      }
      const calls = yield* Effect.promise(callers.stop)
      const after = yield* Effect.promise(() => statusOf(gate.url))

      assert.deepStrictEqual(callers.failures, [])
      assert.isTrue(calls > 1000, `only ${calls} calls`)
      assert.deepStrictEqual(after.servers[0]?.actual, before.servers[0]?.actual)
      yield* Effect.promise(() => until(async () => gate.descendants().length, (count) => count === children))
    }).pipe(Effect.scoped), 180_000)

  it.live("a call in flight finishes on the form it began with, while new ones reach the new form", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [server("changes", "old")] })
      yield* Effect.promise(() => serving(gate.url, "changes"))
      const slow = call(gate.url, "changes__answer", { millis: 3000 })

      gate.rewrite({ servers: [server("changes", "new")] })
      yield* Effect.promise(() => until(() => call(gate.url, "changes__answer", {}), ({ text }) => text === "new"))

      assert.strictEqual((yield* Effect.promise(() => slow)).text, "old")
    }).pipe(Effect.scoped))

  it.live("a broken file changes nothing and says why; the corrected one is taken", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [server("stays", "good")] })
      yield* Effect.promise(() => serving(gate.url, "stays"))

      gate.rewrite("version: 1\nservers:\n  - { id: stays, typo: local }\n")
      const rejected = yield* Effect.promise(() => until(() => statusOf(gate.url), ({ manifest }) => manifest.state === "rejected"))
      const still = yield* Effect.promise(() => call(gate.url, "stays__answer", {}))
      gate.rewrite({ servers: [server("stays", "better")] })
      yield* Effect.promise(() => until(() => call(gate.url, "stays__answer", {}), ({ text }) => text === "better"))

      assert.match(rejected.manifest.problems.join("\n"), /manifold\.yaml:3:\d+: servers\.stays\.type/u)
      assert.strictEqual(still.text, "good")
      assert.strictEqual((yield* Effect.promise(() => statusOf(gate.url))).manifest.state, "applied")
    }).pipe(Effect.scoped))

  it.live("a new form that does not start leaves the old one serving, and says why", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [server("stays", "old")] })
      yield* Effect.promise(() => serving(gate.url, "stays"))

      gate.rewrite({ servers: [{ ...server("stays", "new"), path: resolve("test/fixtures/servers/missing.mjs") }] })
      const { servers } = yield* Effect.promise(() =>
        until(() => statusOf(gate.url), ({ servers }) => servers[0]?.wanted.problem?.includes("missing.mjs") === true)
      )

      assert.strictEqual(servers[0]?.actual.phase, "ready")
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "stays__answer", {}))).text, "old")
    }).pipe(Effect.scoped))

  it.live("a server with a port of its own, which has to go before its new form comes, stays listed and says that it does not run", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const form = (label: string) => ({
        ...server("ported", "x"),
        path: resolve("test/fixtures/servers/model.mjs"),
        config: { port, args: ["x"], environment: { ERA: "modern", LABEL: label } }
      })
      const gate = yield* gateway({ servers: [form("old")] })
      yield* Effect.promise(() => serving(gate.url, "ported"))
      const client = yield* officialClient(gate.url, "legacy")
      const changes: Array<string> = []
      client.setNotificationHandler("notifications/tools/list_changed", () => void changes.push("tools"))
      const callers = load(gate.url, "ported__state", {}, 2)
      gate.rewrite({ servers: [form("new")] })
      yield* Effect.promise(() => until(() => call(gate.url, "ported__state", {}), ({ text }) => text.includes(`"label":"new"`)))
      yield* Effect.promise(callers.stop)
      assert.isNotEmpty(callers.failures)
      for (const failure of callers.failures) assert.match(failure, /^200 Server "ported" /u)
      assert.deepStrictEqual(changes, [])
    }).pipe(Effect.scoped))

  it.live("a removed server is gone from the list and from the machine; the same content starts nothing", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({ servers: [server("stays", "same"), server("goes", "away")] })
      yield* Effect.promise(() => serving(gate.url, "stays", "goes"))

      gate.rewrite({ servers: [server("stays", "same")] })
      yield* Effect.promise(() => until(() => call(gate.url, "goes__answer", {}), ({ error }) => error === "Unknown tool: goes__answer"))
      yield* Effect.promise(() => until(async () => gate.descendants().length, (count) => count === 1))
      const { generation } = yield* Effect.promise(() => statusOf(gate.url))
      gate.rewrite({ servers: [server("stays", "same")] })
      yield* Effect.promise(() => call(gate.url, "stays__answer", { millis: 500 }))

      assert.strictEqual((yield* Effect.promise(() => statusOf(gate.url))).generation, generation)
    }).pipe(Effect.scoped))
})
