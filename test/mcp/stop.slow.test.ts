/** SIGTERM while clients wait: what has been asked is answered to its last byte. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fixtureGateway } from "../kit/fixtures.ts"
import { callText, raw, session } from "../kit/wire.ts"

const BYTES = 9 * 1024 * 1024

describe("a gateway that stops", () => {
  it.live("lets a client that reads slowly have its whole answer, and then ends well", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "old" }])
      const { headers } = yield* Effect.promise(() => session(gateway.url))
      const { closed, socket, until } = raw(gateway.url)
      const body = callText("old__big", JSON.stringify({ bytes: BYTES }))
      const lines = [
        "POST /mcp HTTP/1.1",
        `Host: ${new URL(gateway.url).host}`,
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        `Content-Length: ${body.length}`
      ]
      socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`)
      yield* Effect.promise(() => until(/^HTTP\/1\.1 200 /u))
      socket.pause()
      const stopped = gateway.stop()
      yield* Effect.sleep("500 millis")
      socket.resume()
      assert.isAbove((yield* Effect.promise(() => closed)).length, BYTES)
      assert.strictEqual(yield* Effect.promise(() => stopped), 0)
    }).pipe(Effect.scoped))
})
