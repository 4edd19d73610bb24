/** Clients that take their time: each is cut off at its limit, and costs nobody else anything. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fixtureGateway, undisturbed } from "../kit/fixtures.ts"
import { raw } from "../kit/wire.ts"

describe("a slow client", () => {
  it.live("is cut off when its headers take 10 seconds or its body 30, and hears why", () =>
    Effect.gen(function*() {
      const gateway = yield* fixtureGateway([{ id: "canary" }])
      const { host } = new URL(gateway.url)
      const head = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nAccept: */*\r\n`
      const [headers, body] = yield* undisturbed(gateway, "canary", Effect.all([
        trickled(gateway.url, head, "X: 1\r\n"),
        trickled(gateway.url, `${head}Content-Length: 5000\r\n\r\n`, " ".repeat(10))
      ], { concurrency: 2 }))
      assert.match(headers.reply, /^HTTP\/1\.1 408 /u)
      assert.isBelow(headers.seconds, 13)
      assert.match(body.reply, /^HTTP\/1\.1 408 /u)
      assert.isBelow(body.seconds, 33)
    }).pipe(Effect.scoped))
})

/** Sends `first`, then `more` each second until the gateway has had enough. */
const trickled = (url: string, first: string, more: string) =>
  Effect.promise(async () => {
    const began = performance.now()
    const { closed, socket } = raw(url)
    socket.write(first)
    const timer = setInterval(() => socket.write(more), 1000)
    const reply = await closed
    clearInterval(timer)
    return { reply, seconds: (performance.now() - began) / 1000 }
  })
