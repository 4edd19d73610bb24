/** Who shares a process of a server, and whose question a question is where nothing on the wire says so. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { type ClientEra, textOf } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"

const behind = Effect.fnUntraced(function*(sharing: string) {
  const gate = yield* gateway({
    servers: [{
      id: "one",
      type: "local",
      path: resolve("test/fixtures/servers/interactive.mjs"),
      auth_strategy: "bypass_auth",
      sharing
    }]
  })
  yield* Effect.promise(() => serving(gate.url, "one"))
  return gate.url
})

/** A client that answers each question with its own name and the question. */
const clientNamed = (url: string, era: ClientEra, name: string, asks = true) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ name, version: "1.0.0" }, {
        versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } },
        ...(asks ? { capabilities: { elicitation: {}, roots: { listChanged: true } } } : {})
      })
      if (asks) {
        client.setRequestHandler("elicitation/create", ({ params }) => ({ action: "accept", content: { name: `${name} heard ${params.message}` } }))
        client.setRequestHandler("roots/list", () => ({ roots: [{ uri: `file:///${name}` }] }))
      }
      await client.connect(new StreamableHTTPClientTransport(new URL(url)))
      return client
    }),
    (client) => Effect.promise(() => client.close())
  )

const called = (client: Client, name: string, args: Record<string, unknown> = {}) =>
  Effect.promise(() => client.callTool({ name: `one__${name}`, arguments: args }).then(textOf, String))

const atOnce = Array.from({ length: 8 }, (_, index) => `question ${index}`)

for (const era of ["legacy", "modern"] as const) {
  describe(`a stdio server that asks, and ${era} clients`, () => {
    it.live("asks the one who called, not another one who called at the same time", () =>
      Effect.gen(function*() {
        const url = yield* behind("per_session")
        const clients = yield* Effect.forEach(["ada", "bob", "eve"], (name) => clientNamed(url, era, name))
        const answers = yield* Effect.forEach(clients, (client) => Effect.forEach(atOnce, (message) => called(client, "ask", { message }), { concurrency: 8 }), { concurrency: 3 })
        assert.deepStrictEqual(answers, ["ada", "bob", "eve"].map((name) => atOnce.map((message) => `${message}: ${name} heard ${message}`)))
      }).pipe(Effect.scoped))

    it.live("asks nobody where everybody shares its process, and says so by not offering the tool", () =>
      Effect.gen(function*() {
        const url = yield* behind("shared")
        const client = yield* clientNamed(url, era, "ada")
        assert.notMatch(yield* called(client, "about"), /elicitation|roots/u)
        assert.match(yield* called(client, "ask", { message: "?" }), /Unknown tool: one__ask/u)
      }).pipe(Effect.scoped))

    it.live("is told exactly what its client can be asked", () =>
      Effect.gen(function*() {
        const url = yield* behind("per_principal")
        const [ada, mute] = yield* Effect.all([clientNamed(url, era, "ada"), clientNamed(url, era, "mute", false)])
        assert.deepStrictEqual(JSON.parse(yield* called(ada, "about")), { elicitation: {}, roots: { listChanged: true } })
        assert.strictEqual(yield* called(mute, "about"), "{}")
        assert.notStrictEqual(yield* called(ada, "pid"), yield* called(mute, "pid"))
      }).pipe(Effect.scoped))

    it.live("learns the roots of the client that calls it", () =>
      Effect.gen(function*() {
        const url = yield* behind("per_principal")
        const client = yield* clientNamed(url, era, "ada")
        yield* Effect.promise(() => until(() => Effect.runPromise(called(client, "roots")), (text) => text === "file:///ada"))
      }).pipe(Effect.scoped))
  })
}

describe("a legacy client's roots", () => {
  it.live("are asked for again when the client says that they changed, outside of any call", () =>
    Effect.gen(function*() {
      const url = yield* behind("per_session")
      const client = yield* clientNamed(url, "legacy", "ada")
      yield* Effect.promise(() => until(() => Effect.runPromise(called(client, "roots")), (text) => text === "file:///ada"))
      client.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///moved" }] }))
      yield* Effect.promise(() => client.notification({ method: "notifications/roots/list_changed" }))
      yield* Effect.promise(() => until(() => Effect.runPromise(called(client, "roots")), (text) => text === "file:///moved"))
    }).pipe(Effect.scoped))
})

describe("a server's process", () => {
  it.live("is one per session of a legacy client, one per user with per_principal, and one for all with shared", () =>
    Effect.gen(function*() {
      const counted = Effect.fnUntraced(function*(sharing: string) {
        const url = yield* behind(sharing)
        const clients = yield* Effect.forEach(["a", "b"], (name) => clientNamed(url, "legacy", name, false))
        const counts = yield* Effect.forEach([0, 1, 0, 1], (index) => clients[index] === undefined ? Effect.succeed("") : called(clients[index], "count"))
        return counts.join(" ")
      })
      assert.strictEqual(yield* counted("per_session"), "1 1 2 2")
      assert.strictEqual(yield* counted("per_principal"), "1 2 3 4")
      assert.strictEqual(yield* counted("shared"), "1 2 3 4")
    }).pipe(Effect.scoped))

  it.live("is each call's own with per_session where the client has no session", () =>
    Effect.gen(function*() {
      const url = yield* behind("per_session")
      const client = yield* clientNamed(url, "modern", "a")
      assert.deepStrictEqual([yield* called(client, "count"), yield* called(client, "count")], ["1", "1"])
    }).pipe(Effect.scoped))
})
