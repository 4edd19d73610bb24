/** Every way out of the gateway keeps the same promises. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { answer, EXACT, opened } from "../kit/messages.ts"
import { peer, ways } from "../kit/peers.ts"
import { gatewayWith, sseOfGateway, waysOut } from "../kit/waysOut.ts"
import { callText } from "../kit/wire.ts"
import { transportContract } from "./transport.ts"

for (const way of waysOut) transportContract(way)

for (const front of ways.filter(({ name }) => name === "HTTP+SSE" || name === "WebSocket")) {
  it.live(`HTTP+SSE behind ${front.name} carries every byte as it was written`, () =>
    Effect.gen(function*() {
      const gate = yield* gatewayWith(sseOfGateway, "legacy", ["hosting.transports.sse=true", "hosting.transports.websocket=true"])
      const client = yield* peer(front, gate)
      yield* opened(client)
      client.send(callText("far__mirror", EXACT, "1"))
      assert.include(yield* answer(client, 1), `"structuredContent":${EXACT}`)
      assert.isTrue(gate.received().some((line) => line.includes(`"arguments":${EXACT}`)))
    }).pipe(Effect.scoped))
}
