/** What servers say of themselves reaches clients of both eras; many clients of one resource are one subscription at the server. */
import type { Client } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { call, serving, until } from "../kit/calls.ts"
import { officialClient } from "../kit/client.ts"
import { gateway } from "../kit/gateway.ts"

const eras = ["legacy", "modern"] as const

const watchedServer = (era: "legacy" | "modern") =>
  Effect.gen(function*() {
    const gate = yield* gateway({
      servers: [{
        id: "watched",
        type: "local",
        path: resolve("test/fixtures/servers/watched.mjs"),
        auth_strategy: "bypass_auth",
        config: { environment: { ERA: era } }
      }]
    })
    yield* Effect.promise(() => serving(gate.url, "watched"))
    const use = (tool: string, args: object = {}) => Effect.map(Effect.promise(() => call(gate.url, `watched__${tool}`, args)), ({ text }) => text)
    return {
      ...gate,
      use,
      /** Waits until the server has been told to watch exactly this, all in all. */
      told: (what: string) => Effect.promise(() => until(() => Effect.runPromise(use("heard")), (text) => text === what, 5))
    }
  })

/** A client that counts what it hears. */
const listener = (url: string, era: "legacy" | "modern") =>
  Effect.map(officialClient(url, era), (client) => {
    const lists: Array<string> = []
    const updated: Array<string> = []
    client.setNotificationHandler("notifications/tools/list_changed", () => void lists.push("tools"))
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updated.push(params.uri))
    return { client, lists, updated }
  })

/** Hears of a resource until it is stopped. */
const hearOf = (client: Client, era: "legacy" | "modern", uri: string) =>
  Effect.promise(async () => {
    if (era === "legacy") {
      await client.subscribeResource({ uri })
      return { stop: Effect.asVoid(Effect.promise(() => client.unsubscribeResource({ uri }))) }
    }
    const subscription = await client.listen({ resourceSubscriptions: [uri] })
    return { stop: Effect.promise(() => subscription.close()) }
  })

const settled = (what: ReadonlyArray<string>, count: number) => Effect.promise(() => until(async () => what.length, (length) => length >= count, 5))

for (const backend of eras) {
  const [first, both, one, none] = backend === "legacy"
    ? ["+thing://a", "+thing://a +thing://b", "+thing://a +thing://b -thing://b", "+thing://a +thing://b -thing://b -thing://a"]
    : ["[] [thing://a]", "[] [thing://a] [thing://a,thing://b]", "[] [thing://a] [thing://a,thing://b] [thing://a]", "[] [thing://a] [thing://a,thing://b] [thing://a] []"]

  describe(`a ${backend} server over stdio`, () => {
    it.live("that changes its tools tells the GET stream of a legacy client and the listen of a modern one, once each", () =>
      Effect.gen(function*() {
        const { told, url, use } = yield* watchedServer(backend)
        const legacy = yield* listener(url, "legacy")
        const modern = yield* listener(url, "modern")
        const unasked = yield* listener(url, "modern")
        yield* Effect.promise(() => modern.client.listen({ toolsListChanged: true }))
        yield* hearOf(unasked.client, "modern", "thing://a")
        yield* told(first)
        yield* use("add")
        yield* settled(legacy.lists, 1)
        yield* settled(modern.lists, 1)
        for (const { client } of [legacy, modern]) {
          const { tools } = yield* Effect.promise(() => client.listTools())
          assert.include(tools.map(({ name }) => name), "watched__more-3")
        }
        yield* Effect.sleep("300 millis")
        assert.deepStrictEqual([legacy.lists, modern.lists, unasked.lists], [["tools"], ["tools"], []])
      }).pipe(Effect.scoped))

    it.live("tells who wants to hear of a resource, and nobody else", () =>
      Effect.gen(function*() {
        const { told, url, use } = yield* watchedServer(backend)
        const legacy = yield* listener(url, "legacy")
        const modern = yield* listener(url, "modern")
        const other = yield* listener(url, "legacy")
        yield* hearOf(legacy.client, "legacy", "thing://a")
        yield* told(first)
        yield* hearOf(modern.client, "modern", "thing://a")
        yield* hearOf(other.client, "legacy", "thing://b")
        yield* told(both)
        yield* use("touch", { uri: "thing://a" })
        yield* settled(legacy.updated, 1)
        yield* settled(modern.updated, 1)
        yield* use("touch", { uri: "thing://b" })
        yield* settled(other.updated, 1)
        yield* Effect.sleep("300 millis")
        assert.deepStrictEqual([legacy.updated, modern.updated, other.updated], [["thing://a"], ["thing://a"], ["thing://b"]])
      }).pipe(Effect.scoped))

    it.live("is asked once for many clients, and told to stop when the last one goes, however it goes", () =>
      Effect.gen(function*() {
        const { told, url, use } = yield* watchedServer(backend)
        const legacy = yield* listener(url, "legacy")
        const modern = yield* listener(url, "modern")
        const leaving = yield* hearOf(legacy.client, "legacy", "thing://a")
        const closing = yield* hearOf(modern.client, "modern", "thing://a")
        yield* told(first)
        const other = yield* hearOf(modern.client, "modern", "thing://b")
        yield* told(both)
        yield* other.stop
        yield* told(one)
        yield* leaving.stop
        yield* use("touch", { uri: "thing://a" })
        yield* settled(modern.updated, 1)
        assert.deepStrictEqual(legacy.updated, [])
        assert.strictEqual(yield* use("heard"), one)
        yield* closing.stop
        yield* told(none)
      }).pipe(Effect.scoped))

    it.live("that dies is asked again by its successor for what clients still want", () =>
      Effect.gen(function*() {
        const { descendants, told, url, use } = yield* watchedServer(backend)
        const client = yield* listener(url, "legacy")
        yield* hearOf(client.client, "legacy", "thing://a")
        yield* told(first)
        for (const pid of descendants()) process.kill(pid, "SIGKILL")
        yield* told(backend === "legacy" ? "+thing://a" : "[thing://a]")
        yield* use("touch", { uri: "thing://a" })
        yield* settled(client.updated, 1)
      }).pipe(Effect.scoped))
  })
}
