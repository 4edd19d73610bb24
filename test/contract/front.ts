/** What every way into the gateway has to do, message by message; run over each of them by fronts.slow.test.ts. */
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually, fixtureGateway, type FixtureGateway } from "../kit/fixtures.ts"
import { answer, EXACT, modernText, opened, said } from "../kit/messages.ts"
import { peer, type Way } from "../kit/peers.ts"
import { callText } from "../kit/wire.ts"

export const frontContract = (way: Way): void => {
  /** A gateway with three servers, and a client of it. */
  const connected = Effect.gen(function*() {
    const gate = yield* fixtureGateway(
      [{ id: "old" }, { id: "new", era: "modern" }, { id: "watched", entry: { config: { args: [WATCHED] } } }],
      { args: ["--set", "hosting.transports.sse=true", "--set", "hosting.transports.websocket=true"] }
    )
    return { gate, client: yield* peer(way, gate) }
  })

  describe(`a client over ${way.name}`, () => {
    for (const version of ["2024-11-05", "2025-11-25"]) {
      it.live(`of revision ${version} opens a session, lists and calls`, () =>
        Effect.gen(function*() {
          const { client } = yield* connected
          assert.include(yield* opened(client, { version }), `"protocolVersion":"${version}"`)
          client.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
          assert.include(yield* answer(client, 1), `"old__echo"`)
          client.send(callText("old__echo", `{"a":1}`, "2"))
          assert.include(yield* answer(client, 2), `"text":"{\\"a\\":1}"`)
        }).pipe(Effect.scoped))
    }

    it.live("of the modern revision discovers and calls without a session", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        client.send(modernText(1, "server/discover"))
        assert.include(yield* answer(client, 1), `"2026-07-28"`)
        client.send(modernText(2, "tools/call", `"name":"old__echo","arguments":{"a":1}`))
        assert.match(yield* answer(client, 2), /"resultType":"complete"/u)
      }).pipe(Effect.scoped))

    it.live("hears all of 100 notifications of progress in order, before the result and not after it", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        client.send(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"old__progress","arguments":{"count":100},"_meta":{"progressToken":"mine"}}}`)
        yield* answer(client, 7)
        const told = client.heard.filter((text) => /"progressToken":"mine"|"id":7\b/u.test(text))
        const steps = told.map((text) => JSON.parse(text).params?.progress ?? "result")
        assert.deepStrictEqual(steps, [...Array.from({ length: 100 }, (_, index) => index + 1), "result"])
      }).pipe(Effect.scoped))

    it.live("cancels a request, and the server behind hears of that one alone", () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected
        client.send(modernText(1, "tools/call", `"name":"new__hang"`))
        yield* received(gate, "new", /"hang"/u)
        yield* opened(client)
        client.send(callText("old__hang", "{}", "2"))
        yield* received(gate, "old", /"hang"/u)
        client.cancel(1)
        yield* received(gate, "new", /notifications\/cancelled/u)
        assert.isFalse(gate.received("old").some((line) => line.includes("notifications/cancelled")))
        client.cancel(2)
        yield* received(gate, "old", /notifications\/cancelled/u)
      }).pipe(Effect.scoped))

    it.live("hears of changed lists, and of the resource it subscribed to but of no other", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        client.send(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"thing://a"}}`)
        yield* answer(client, 1)
        client.send(callText("watched__touch", `{"uri":"thing://b"}`, "2"))
        yield* answer(client, 2)
        client.send(callText("watched__touch", `{"uri":"thing://a"}`, "3"))
        yield* said(client, /resources\/updated.*thing:\/\/a/u)
        client.send(callText("watched__add", "{}", "4"))
        yield* said(client, /notifications\/tools\/list_changed/u)
        assert.isFalse(client.heard.some((text) => text.includes("thing://b")))
      }).pipe(Effect.scoped))

    it.live("is asked a question while its call runs, and its answer reaches the server", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client, { canBeAsked: true })
        client.send(callText("new__ask", "{}", "5"))
        const question = yield* said(client, /"method":"elicitation\/create"/u)
        client.send(`{"jsonrpc":"2.0","id":${JSON.stringify(JSON.parse(question).id)},"result":{"action":"accept","content":{"name":"Ada"}}}`)
        assert.include(yield* answer(client, 5), "Hello Ada")
      }).pipe(Effect.scoped))

    it.live("gets a result of a megabyte whole", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        client.send(callText("old__big", `{"bytes":1048576}`, "1"))
        assert.strictEqual(JSON.parse(yield* answer(client, 1)).result.content[0].text.length, 1_048_576)
      }).pipe(Effect.scoped))

    it.live("sends and gets unicode and numbers beyond 2^53 byte for byte", () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected
        yield* opened(client)
        client.send(callText("old__mirror", EXACT, "1"))
        assert.include(yield* answer(client, 1), `"structuredContent":${EXACT}`)
        assert.isTrue(gate.received("old").some((line) => line.includes(`"arguments":${EXACT}`)))
      }).pipe(Effect.scoped))

    it.live("that sends something malformed hears so, and goes on", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        client.send(`{"jsonrpc":"2.0","id":1,"method":`)
        yield* said(client, /"code":-32700/u)
        client.send(`{"jsonrpc":"1.0","id":2,"method":"ping"}`)
        yield* said(client, /"id":2,.*"code":-32600/u)
        client.send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
        yield* answer(client, 3)
      }).pipe(Effect.scoped))

    it.live("gets each of 200 concurrent answers to the question it belongs to", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        const ids = Array.from({ length: 200 }, (_, index) => index + 1)
        for (const id of ids) client.send(callText(id % 2 === 0 ? "old__echo" : "new__echo", `{"own":${id}}`, String(id)))
        for (const id of ids) assert.include(yield* answer(client, id), `{\\"own\\":${id}}`)
      }).pipe(Effect.scoped))

    it.live("that goes away stops what it had asked", () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected
        client.send(modernText(1, "tools/call", `"name":"new__hang"`))
        yield* received(gate, "new", /"hang"/u)
        // A session outlives the connections of Streamable HTTP, and so do the calls in it.
        if (way.isChannel) {
          yield* opened(client)
          client.send(callText("old__hang", "{}", "2"))
          yield* received(gate, "old", /"hang"/u)
        }
        client.leave()
        // A gateway on stdio ends with its client, and its servers with it.
        const { ended } = client
        if (ended !== undefined) return yield* Effect.promise(() => ended)
        yield* received(gate, "new", /notifications\/cancelled/u)
        if (way.isChannel) yield* received(gate, "old", /notifications\/cancelled/u)
      }).pipe(Effect.scoped))

    it.live("hears that a server died, and calls the next one without connecting anew", () =>
      Effect.gen(function*() {
        const { client } = yield* connected
        yield* opened(client)
        client.send(callText("old__crash", "{}", "1"))
        assert.include(yield* answer(client, 1), `"error"`)
        let id = 1
        yield* eventually(
          "the server does not come back",
          Effect.suspend(() => {
            client.send(callText("old__pid", "{}", String(++id)))
            return answer(client, id)
          }),
          (text) => text.includes(`"result"`)
        )
      }).pipe(Effect.scoped))
  })
}

const WATCHED = resolve(import.meta.dirname, "../fixtures/servers/watched.mjs")

/** Waits until a server has read a line that matches. */
const received = (gate: FixtureGateway, server: string, pattern: RegExp) =>
  eventually(`${server} was not sent ${pattern}`, Effect.sync(() => gate.received(server)), (lines) => lines.some((line) => pattern.test(line)))
