import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Catalogue } from "../../src/catalogue/Catalogue.ts"
import type { Exchange } from "../../src/mcp/Exchange.ts"
import type { Message } from "../../src/mcp/Inbound.ts"
import { listen, MOST_OF_ONE } from "../../src/mcp/Listens.ts"
import { Router } from "../../src/router/Router.ts"

describe("a listen", () => {
  it.effect("takes back what it subscribed to, also when its client goes while it still subscribes", () =>
    Effect.gen(function*() {
      let held = 0
      let asked = 0
      const fiber: { current?: Fiber.Fiber<unknown> } = {}
      const subscribe = () =>
        Effect.as(
          Effect.sync(() => {
            held++
            if (++asked === 500) fiber.current?.interruptUnsafe()
          }),
          () => held--
        ).pipe(Effect.tap(Effect.yieldNow))
      const router = Layer.succeed(Router, Router.of({ call: () => Effect.die("not called"), hears: Effect.void, follow: () => Effect.die("not called"), subscribe }))
      const uris = Array.from({ length: 1000 }, (_, index) => `a:${index}`)
      fiber.current = yield* Effect.forkChild(
        listen("1", listening(uris), exchange).pipe(Effect.provide(Layer.mergeAll(router, Catalogue.layer)))
      )
      yield* Fiber.await(fiber.current)
      assert.isAtLeast(asked, 500)
      assert.strictEqual(held, 0)
    }))

  it.effect("is refused to one user beyond a share, until that user ends one", () =>
    Effect.gen(function*() {
      const router = Layer.succeed(Router, Router.of({ call: () => Effect.die("not called"), hears: Effect.void, follow: () => Effect.die("not called"), subscribe: () => Effect.die("not called") }))
      const begun = Effect.gen(function*() {
        let status: number | undefined
        const fiber = yield* Effect.forkChild(listen("1", listening([]), { ...exchange, respond: (answered) => void (status = answered) }))
        yield* Effect.yieldNow
        return { fiber, status: () => status }
      })
      yield* Effect.gen(function*() {
        const all = yield* Effect.forEach(Array.from({ length: MOST_OF_ONE }), () => begun)
        assert.isTrue(all.every(({ status }) => status() === undefined))
        const more = yield* begun
        yield* Fiber.await(more.fiber)
        assert.strictEqual(more.status(), 429)
        if (all[0] !== undefined) yield* Fiber.interrupt(all[0].fiber)
        const again = yield* begun
        assert.isUndefined(again.status())
        yield* Effect.forEach([again, ...all], ({ fiber }) => Fiber.interrupt(fiber), { discard: true })
      }).pipe(Effect.provide(Layer.merge(router, Catalogue.layer)))
    }))
})

const listening = (uris: ReadonlyArray<string>): Message => ({
  text: "",
  id: "1",
  method: "subscriptions/listen",
  params: [],
  values: { notifications: { resourceSubscriptions: uris } },
  meta: {}
})

const nothing = () => {}
const exchange: Exchange = {
  principal: { issuer: "i", subject: "s" },
  server: undefined,
  transport: "http",
  header: () => undefined,
  send: nothing,
  stream: nothing,
  prefersStream: false,
  keep: nothing,
  pause: nothing,
  respond: nothing,
  end: nothing,
  onGone: nothing
}
