/** What every way out of the gateway has to do; run over each of them by transports.slow.test.ts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually, statusOf } from "../kit/fixtures.ts"
import { answer, EXACT, modernText, opened, said } from "../kit/messages.ts"
import { peer, ways } from "../kit/peers.ts"
import { gatewayWith, type Leaf, type WayOut } from "../kit/waysOut.ts"
import { callText } from "../kit/wire.ts"

export const transportContract = (way: WayOut): void => {
  /** A gateway with one server behind it, and a client that has a session there. */
  const connected = (leaf: Leaf, canBeAsked = false) =>
    Effect.gen(function*() {
      const gate = yield* gatewayWith(way, leaf)
      const [http] = ways
      if (http === undefined) return yield* Effect.die("no way in")
      const client = yield* peer(http, gate)
      yield* opened(client, { canBeAsked })
      return { client, gate }
    })

  /** The era of the server itself: for one behind another gateway it may be either. */
  const own = way.era

  describe(`a server over ${way.name}`, () => {
    it.live(`is spoken to in the ${way.era} era, for clients of both`, () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected(own)
        const [far] = yield* statusOf(gate.base)
        assert.strictEqual(far?.actual.era, way.era)
        client.send(callText("far__echo", `{"a":1}`, "1"))
        assert.include(yield* answer(client, 1), `"text":"{\\"a\\":1}"`)
        client.send(modernText(2, "tools/call", `"name":"far__echo","arguments":{"a":1}`))
        assert.match(yield* answer(client, 2), /"resultType":"complete"/u)
      }).pipe(Effect.scoped))

    it.live("has all of its 100 notifications of progress heard in order, before the result", () =>
      Effect.gen(function*() {
        const { client } = yield* connected(own)
        client.send(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"far__progress","arguments":{"count":100},"_meta":{"progressToken":"mine"}}}`)
        yield* answer(client, 7)
        const told = client.heard.filter((text) => /"progressToken":"mine"|"id":7\b/u.test(text))
        const steps = told.map((text) => JSON.parse(text).params?.progress ?? "result")
        assert.deepStrictEqual(steps, [...Array.from({ length: 100 }, (_, index) => index + 1), "result"])
      }).pipe(Effect.scoped))

    it.live("hears that a call was cancelled, and goes on with the others", () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected(own)
        const lines = (pattern: RegExp) => eventually(`not sent ${pattern}`, Effect.sync(gate.received), (lines) => lines.some((line) => pattern.test(line)))
        client.send(callText("far__slow", `{"millis":1500}`, "1"))
        client.send(callText("far__hang", "{}", "2"))
        yield* lines(/"hang"/u)
        client.cancel(2)
        yield* lines(/notifications\/cancelled/u)
        assert.include(yield* answer(client, 1), "late")
        assert.strictEqual(gate.received().filter((line) => line.includes("notifications/cancelled")).length, 1)
      }).pipe(Effect.scoped))

    it.live("has its changed lists and the resource that was subscribed to heard", () =>
      Effect.gen(function*() {
        const { client } = yield* connected("watched")
        client.send(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"thing://a"}}`)
        yield* answer(client, 1)
        let id = 1
        // Over another gateway the subscription goes on in a listen of its own.
        yield* eventually(
          "no update came",
          Effect.sync(() => {
            client.send(callText("far__touch", `{"uri":"thing://a"}`, String(++id)))
            return client.heard.join("\n")
          }),
          (text) => /resources\/updated.*thing:\/\/a/u.test(text)
        )
        client.send(callText("far__add", "{}", String(++id)))
        yield* said(client, /notifications\/tools\/list_changed/u)
      }).pipe(Effect.scoped))

    if (way.era === "modern") {
      it.live("asks the user of a client of the other era, and gets the answer", () =>
        Effect.gen(function*() {
          const { client } = yield* connected("modern", true)
          client.send(callText("far__ask", "{}", "5"))
          const question = yield* said(client, /"method":"elicitation\/create"/u)
          client.send(`{"jsonrpc":"2.0","id":${JSON.stringify(JSON.parse(question).id)},"result":{"action":"accept","content":{"name":"Ada"}}}`)
          assert.include(yield* answer(client, 5), "Hello Ada")
        }).pipe(Effect.scoped))
    }

    it.live("may answer with a megabyte", () =>
      Effect.gen(function*() {
        const { client } = yield* connected(own)
        client.send(callText("far__big", `{"bytes":1048576}`, "1"))
        assert.strictEqual(JSON.parse(yield* answer(client, 1)).result.content[0].text.length, 1_048_576)
      }).pipe(Effect.scoped))

    it.live(way.isExact ? "gets and sends unicode and numbers beyond 2^53 byte for byte" : "gets and sends unicode, whose numbers its own library rounds", () =>
      Effect.gen(function*() {
        const { client, gate } = yield* connected(own)
        const text = way.isExact ? EXACT : `{"s":"é 😀"}`
        client.send(callText("far__mirror", text, "1"))
        assert.include(yield* answer(client, 1), `"structuredContent":${text}`)
        assert.isTrue(gate.received().some((line) => line.includes(`"arguments":${text}`)))
      }).pipe(Effect.scoped))

    it.live("may say what is no message, and is heard all the same", () =>
      Effect.gen(function*() {
        const { client } = yield* connected(own)
        client.send(callText("far__garbage", "{}", "1"))
        assert.include(yield* answer(client, 1), "after garbage")
      }).pipe(Effect.scoped))

    it.live("answers 200 calls at once, each with its own answer", () =>
      Effect.gen(function*() {
        const { client } = yield* connected(own)
        const ids = Array.from({ length: 200 }, (_, index) => index + 1)
        for (const id of ids) client.send(callText("far__echo", `{"own":${id}}`, String(id)))
        for (const id of ids) assert.include(yield* answer(client, id), `{\\"own\\":${id}}`)
      }).pipe(Effect.scoped))

    it.live("that dies fails the call it died of, and is there again for the next", () =>
      Effect.gen(function*() {
        const { client } = yield* connected(own)
        client.send(callText("far__crash", "{}", "1"))
        assert.include(yield* answer(client, 1), `"error"`)
        let id = 1
        yield* eventually(
          "the server does not come back",
          Effect.suspend(() => {
            client.send(callText("far__pid", "{}", String(++id)))
            return answer(client, id)
          }),
          (text) => text.includes(`"result"`)
        )
      }).pipe(Effect.scoped))
  })
}
