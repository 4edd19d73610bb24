/** Several instances of one server: who gets a call, what stays where it began, what happens when one goes or all change. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { rmSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { call, load, serving, statusOf, until } from "../kit/calls.ts"
import { officialClient } from "../kit/client.ts"
import { eventually, fixtureEntry, statusOf as fixtureStatus, whenReady } from "../kit/fixtures.ts"
import { freePort } from "../kit/everything.ts"
import { gateway, temporaryDirectory } from "../kit/gateway.ts"
import { isAlive } from "../kit/process.ts"
import { post, textOf } from "../kit/wire.ts"

const pid = (url: string, id: string) => Effect.promise(async () => (await call(url, `${id}__pid`, {})).text)
const pids = (url: string, id: string, times: number) => Effect.forEach(Array.from({ length: times }), () => pid(url, id))

describe("replicas", () => {
  it.live("take calls in turn, or each user's always the same one; one that is killed gets none, and comes back", () =>
    Effect.gen(function*() {
      const gate = yield* gateway({
        servers: [
          fixtureEntry({ id: "turns", entry: { replicas: 3 } }),
          fixtureEntry({ id: "hashed", era: "modern", entry: { replicas: 3, balance: "hashed" } })
        ]
      })
      const { origin } = new URL(gate.url)
      yield* whenReady(origin, ["turns", "hashed"])
      assert.strictEqual(gate.descendants().length, 6)
      const turns = yield* pids(gate.url, "turns", 6)
      assert.strictEqual(new Set(turns.slice(0, 3)).size, 3)
      assert.deepStrictEqual(turns.slice(3), turns.slice(0, 3))
      assert.strictEqual(new Set(yield* pids(gate.url, "hashed", 6)).size, 1)

      const callers = load(gate.url, "turns__echo", {})
      process.kill(Number(turns[0]), "SIGKILL")
      const degraded = yield* eventually("not seen", fixtureStatus(origin), ([actual]) => actual?.actual.phase === "degraded")
      assert.match(degraded[0]?.actual.why ?? "", /^1 of its 3 replicas does not serve: Server "turns" ended by SIGKILL$/u)
      assert.strictEqual(degraded[0]?.actual.replicas?.filter(({ phase }) => phase === "ready").length, 2)
      yield* whenReady(origin, ["turns"])
      yield* Effect.promise(callers.stop)
      // What was on its way to the one that was killed may have been done, and is not made again.
      assert.isAtMost(callers.failures.length, 8)
      for (const failure of callers.failures) assert.match(failure, /ended by SIGKILL/u)
      assert.strictEqual(new Set(yield* pids(gate.url, "turns", 6)).size, 3)
    }).pipe(Effect.scoped))

  it.live("keep a task, what is heard of it, a question's answer, a user's own session where they began", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const gate = yield* gateway({
        servers: [
          { ...fixtureEntry({ id: "tasks" }), replicas: 3, config: { args: [resolve("test/fixtures/conformance/main.ts"), "--stdio", "--era", "modern"], working_directory: process.cwd() } },
          { id: "own", type: "local", path: resolve("test/fixtures/servers/model.mjs"), auth_strategy: "bypass_auth", replicas: 2, sharing: "per_session", config: { port, environment: { ERA: "legacy" } } },
          fixtureEntry({ id: "asks", era: "modern", entry: { replicas: 2 } })
        ]
      })
      yield* Effect.promise(() => serving(gate.url, "tasks", "own", "asks"))
      yield* whenReady(new URL(gate.url).origin, ["tasks", "own", "asks"])

      const taskIds = yield* Effect.forEach([1, 2, 3], () => begun(gate.url))
      // Not in the order in which calls take turns.
      for (const taskId of twice(taskIds)) assert.isUndefined((yield* about(gate.url, taskId)).message?.error)

      const short = yield* Effect.forEach([1, 2, 3], () => begun(gate.url, 1))
      const heard = yield* listening(gate.url, short)
      yield* eventually("not told", Effect.sync(heard), (text) => short.every((taskId) => text.includes(`"taskId":"${taskId}"`)))

      const states = yield* Effect.forEach([1, 2, 3, 4], () => recalled(gate.url, {}))
      for (const { message } of twice(states)) {
        const again = yield* recalled(gate.url, { inputResponses: {}, requestState: message?.result?.["requestState"] })
        assert.strictEqual(textOf(again), "known")
      }
      assert.strictEqual(new Set(states.map(({ message }) => message?.result?.["requestState"])).size, 2)

      const clients = yield* Effect.forEach([1, 2, 3, 4], () => officialClient(gate.url, "legacy"))
      const place = (client: typeof clients[number]) =>
        Effect.promise(async () => JSON.parse((await client.callTool({ name: "own__state", arguments: {} }) as { readonly content: ReadonlyArray<{ readonly text: string }> }).content[0]?.text ?? "").pid as number)
      const places = yield* Effect.forEach(clients, place)
      assert.strictEqual(new Set(places).size, 2, "both are used, each at a port of its own")
      assert.deepStrictEqual(yield* Effect.forEach(twice(clients), place), twice(places))
    }).pipe(Effect.scoped))

  it.live("are replaced without a failed call when the server or their number changes, and leave nothing behind", () =>
    Effect.gen(function*() {
      const form = (label: string, replicas: number) => ({
        id: "many", type: "local", path: resolve("test/fixtures/servers/answer.mjs"), auth_strategy: "bypass_auth", replicas, config: { args: [label] }
      })
      const gate = yield* gateway({ servers: [form("one", 3)] })
      yield* Effect.promise(() => serving(gate.url, "many"))
      const before = gate.descendants()
      const callers = load(gate.url, "many__answer", {})
      for (const [label, replicas] of [["two", 3], ["three", 2], ["four", 1], ["five", 4]] as const) {
        gate.rewrite({ servers: [form(label, replicas)] })
        yield* Effect.promise(() => until(() => call(gate.url, "many__answer", {}), ({ text }) => text === label))
        yield* Effect.promise(() => until(async () => gate.descendants().length, (count) => count === replicas))
      }
      assert.isAbove(yield* Effect.promise(callers.stop), 100)
      assert.deepStrictEqual(callers.failures, [])
      assert.deepStrictEqual(before.filter(isAlive), [])
      const [status] = (yield* Effect.promise(() => statusOf(gate.url))).servers
      assert.strictEqual(status?.actual.phase, "ready")
      assert.strictEqual(status?.offers.tools, 1)
    }).pipe(Effect.scoped))
})

describe("a loader of a plugin that turns out to start nothing", () => {
  it.live("is not taken for several, nor for one that can be stopped, and says why", () =>
    Effect.gen(function*() {
      const plugin = join(temporaryDirectory("plugin-"), "address.mjs")
      writeFileSync(plugin, addressLoader)
      const server = { type: "address", auth_strategy: "bypass_auth" }
      const gate = yield* gateway({ plugins: [{ use: plugin }], servers: [{ ...server, id: "many", replicas: 2 }, { ...server, id: "idle", idle_stop: "1 minute" }] })
      const servers = yield* Effect.promise(() => until(() => statusOf(gate.url), ({ servers }) => servers.every(({ actual }) => actual.why !== undefined)))
      for (const { actual } of servers.servers) assert.match(actual.why ?? "", /start it failed: replicas and idle_stop are for servers that the gateway starts/u)
      rmSync(dirname(plugin), { recursive: true })
    }).pipe(Effect.scoped))
})

const addressLoader = `
export default {
  apiVersion: 1,
  kind: "loader",
  name: "address",
  summary: "Gives an address",
  config: { "~standard": { version: 1, vendor: "by-hand", validate: (value) => ({ value }) } },
  start: () => ({
    resolve: async () => ({ source: "address", digest: "1" }),
    prepare: async () => {},
    launch: async () => ({ url: "http://127.0.0.1:1/mcp" })
  })
}
`

const twice = <A>(all: ReadonlyArray<A>) => all.flatMap((one) => [one, one])

const TASKS = { "io.modelcontextprotocol/tasks": {} }

const asked = (url: string, method: string, params: object, name: string) => {
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": { extensions: TASKS } }
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } })
  return Effect.promise(() => post(url, body, { "mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": name }))
}

const begun = (url: string, seconds = 60) =>
  Effect.map(asked(url, "tools/call", { name: "tasks__slow_compute", arguments: { label: "x", seconds } }, "tasks__slow_compute"), ({ message, text }) => {
    const taskId = message?.result?.["taskId"]
    assert.isString(taskId, text)
    return String(taskId)
  })

/** What a listen for these tasks has said so far. */
const listening = (url: string, taskIds: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const over = new AbortController()
      const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": { extensions: TASKS } }
      const response = await fetch(url, {
        method: "POST",
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params: { notifications: { taskIds }, _meta } }),
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
        signal: over.signal
      })
      let text = ""
      const reading = (async () => {
        for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
      })().catch(() => {})
      return { text: () => text.split("notifications/tasks").slice(1).join(), stop: () => (over.abort(), reading) }
    }),
    ({ stop }) => Effect.promise(stop)
  ).pipe(Effect.map(({ text }) => text))

const recalled = (url: string, more: object) => asked(url, "tools/call", { name: "asks__recall", arguments: {}, ...more }, "asks__recall")

const about = (url: string, taskId: string) => asked(url, "tasks/get", { taskId }, taskId)
