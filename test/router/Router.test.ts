import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Tracer } from "effect"
import { Subscriptions } from "../../src/backend/Subscriptions.ts"
import { Catalogue } from "../../src/catalogue/Catalogue.ts"
import { Tracing } from "../../src/observe/Tracing.ts"
import type { Caller, Request } from "../../src/router/Request.ts"
import { TaskIds } from "../../src/router/TaskIds.ts"
import { Router } from "../../src/router/Router.ts"

const text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"nowhere\"}}"
const request: Request = {
  method: "tools/call",
  text,
  params: [{ key: "name", at: text.indexOf("\"name\""), start: text.indexOf("\"nowhere\""), end: text.length - 2 }],
  meta: "",
  progressToken: undefined
}
const caller: Caller = {
  era: "modern",
  principal: { issuer: "i", subject: "s" },
  envelope: { capabilities: "{}" },
  capabilities: "{}",
  listener: { notify: () => {}, log: () => {} }
}

/** The names of the spans that one call makes. */
const spansOfCall = (isTraced: boolean) => {
  const names: Array<string> = []
  const tracer = Tracer.make({
    span: (options) => {
      names.push(options.name)
      return new Tracer.NativeSpan(options)
    }
  })
  const layer = Router.layer.pipe(
    Layer.provide(Layer.mergeAll(Catalogue.layer, Subscriptions.layer, TaskIds.ephemeral, Layer.succeed(Tracing, isTraced)))
  )
  return Effect.gen(function*() {
    const router = yield* Router
    const failure = yield* Effect.flip(Effect.withTracer(router.call(request, caller), tracer))
    assert.strictEqual(failure.message, "Unknown tool: nowhere")
    return names
  }).pipe(Effect.provide(layer))
}

describe("a call through the router", () => {
  it.effect("is one span, named after its method, when spans are collected", () =>
    Effect.map(spansOfCall(true), (names) => assert.deepStrictEqual(names, ["tools/call"])))

  it.effect("is none when nobody collects them", () =>
    Effect.map(spansOfCall(false), (names) => assert.deepStrictEqual(names, [])))
})
