import { assert, describe, it } from "@effect/vitest"
import { EventEmitter } from "node:events"
import { vi } from "vitest"
import { keepAlive } from "../../src/lib/KeepAlive.ts"

describe("the other end of a WebSocket", () => {
  it("that answers each ping stays; one that leaves a ping unanswered is gone by the next", () => {
    const { emitter, said, stop } = pinged()
    vi.advanceTimersByTime(1000)
    emitter.emit("pong")
    vi.advanceTimersByTime(1000)
    assert.deepStrictEqual(said, ["ping", "ping"])
    vi.advanceTimersByTime(1000)
    assert.deepStrictEqual(said, ["ping", "ping", "terminate"])
    stop()
    vi.useRealTimers()
  })

  it("is pinged no more once it is let go", () => {
    const { said, stop } = pinged()
    stop()
    vi.advanceTimersByTime(10_000)
    assert.deepStrictEqual(said, [])
    vi.useRealTimers()
  })
})

const pinged = () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
  const emitter = new EventEmitter()
  const said: Array<string> = []
  const stop = keepAlive({
    on: (event, listener) => emitter.on(event, listener),
    ping: () => void said.push("ping"),
    terminate: () => void said.push("terminate")
  }, 1000)
  return { emitter, said, stop }
}
