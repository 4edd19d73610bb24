/** The state machine of an instance in virtual time: a target that fails, or a server of this very process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { ownCall } from "../../src/backend/Handshake.ts"
import { BackendFailed } from "../../src/backend/BackendFailed.ts"
import * as Instances from "../../src/backend/Instance.ts"
import type { Instance, Phase, State } from "../../src/backend/Spec.ts"
import type { Target } from "../../src/backend/Opened.ts"
import { NO_HEADERS } from "../../src/backend/Party.ts"
import { NO_TOPICS } from "../../src/backend/Subscriptions.ts"
import { Children } from "../../src/backend/transport/Children.ts"
import { LoadFailed } from "../../src/plugin/Loader.ts"

describe("an instance", () => {
  it.effect("resolves, prepares and starts before it is ready", () =>
    Effect.gen(function*() {
      const { target } = yield* server
      const { phases, until } = yield* running({ target: Effect.succeed(target) })
      yield* until("ready")
      assert.deepStrictEqual(phases(), ["resolving", "preparing", "starting", "ready"])
    }).pipe(withChildren))

  it.effect("waits longer after each failure, and says why and what comes next", () =>
    Effect.gen(function*() {
      const { until, waits } = yield* running({ target: broken })
      const { next, why } = yield* until("degraded")
      yield* TestClock.adjust("16 seconds")
      assert.include(why, "over there: look failed: nothing there")
      assert.match(next ?? "", /^tried again in 1s, or at once when the manifest changes$/u)
      assert.deepStrictEqual(waits().map((wait, index) => wait >= 250 * 2 ** index && wait <= 500 * 2 ** index), [true, true, true, true, true])
    }).pipe(withChildren))

  it.effect("waits 30 seconds at most while it is degraded, however often it failed", () =>
    Effect.gen(function*() {
      const { waits } = yield* running({ target: Effect.andThen(Effect.sleep("15 seconds"), broken) })
      yield* TestClock.adjust("10 minutes")
      assert.isAbove(waits().length, 12)
      assert.isTrue(waits().every((wait) => wait <= 30_000))
      assert.isTrue(waits().slice(7).every((wait) => wait >= 15_000), JSON.stringify(waits()))
    }).pipe(withChildren))

  it.effect("waits differently each time, so that servers do not come back in step", () =>
    Effect.gen(function*() {
      const all = yield* Effect.forEach(Array.from({ length: 10 }), () => running({ target: broken }))
      yield* TestClock.adjust("1 second")
      const first = all.map(({ waits }) => waits()[0] ?? 0)
      assert.isAbove(new Set(first).size, 3)
      assert.isTrue(first.every((wait) => wait >= 250 && wait <= 500), JSON.stringify(first))
    }).pipe(withChildren))

  it.effect("has failed after more than five failures in a minute, and is tried every five minutes from then on", () =>
    Effect.gen(function*() {
      const { count, phases, waits } = yield* running({ target: broken })
      yield* TestClock.adjust("16 minutes")
      assert.deepStrictEqual(waits("failed"), [300_000, 300_000, 300_000])
      assert.strictEqual(count("degraded"), 5)
      assert.strictEqual(phases().at(-1), "failed")
    }).pipe(withChildren))

  it.effect("tries again at once when asked to, in a backoff as in a rest", () =>
    Effect.gen(function*() {
      const { count, instance, until } = yield* running({ target: broken })
      yield* until("degraded")
      yield* instance.retryNow
      yield* until("degraded")
      assert.strictEqual(count("resolving"), 2)
      for (let more = 3; more <= 5; more++) {
        yield* instance.retryNow
        yield* until("degraded")
      }
      yield* instance.retryNow
      yield* until("failed")
      yield* instance.retryNow
      yield* until("failed")
      assert.strictEqual(count("resolving"), 7)
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual(count("resolving"), 7, "being asked once does not cancel the rest after it")
    }).pipe(withChildren))

  it.effect("counts a welcome that fails as a failure, and is ready after one that does not", () =>
    Effect.gen(function*() {
      const { target } = yield* server
      let left = 6
      const welcome = Effect.suspend(() =>
        left-- > 0 ? Effect.fail(new BackendFailed({ backend: "one", reason: "protocol", detail: "lists nonsense" })) : Effect.void)
      const { instance, phases, until } = yield* running({ target: Effect.succeed(target), welcome })
      yield* pastBudget(until)
      assert.include(instance.state().why, "lists nonsense")
      assert.notInclude(phases(), "ready")
      yield* TestClock.adjust("5 minutes")
      yield* until("ready")
      assert.isUndefined(instance.state().why)
    }).pipe(withChildren))

  it.effect("refuses calls with its phase while it does not run, and has ended its state with the scope", () =>
    Effect.gen(function*() {
      const { instance } = yield* Effect.scoped(Effect.gen(function*() {
        const started = yield* running({ target: broken })
        yield* started.until("degraded")
        const refused = yield* Effect.flip(started.instance.lease(anybody))
        assert.deepInclude(refused, { reason: "not_ready", detail: "is not running now: it is degraded" })
        return started
      }))
      assert.strictEqual(instance.state().phase, "stopped")
    }).pipe(withChildren))
})

describe("the era of a backend", () => {
  it.effect("is remembered: a restart does not ask for the modern one again", () =>
    Effect.gen(function*() {
      const { asked, lose, target } = yield* server
      const { instance, until } = yield* running({ target: Effect.succeed(target) })
      yield* until("ready")
      yield* lose(instance)
      yield* until("degraded")
      yield* TestClock.adjust("1 second")
      yield* until("ready")
      assert.deepStrictEqual(asked(), ["server/discover", "initialize", "initialize"])
    }).pipe(withChildren))

  it.effect("is asked for again an hour later, since a server may have learnt the modern one", () =>
    Effect.gen(function*() {
      const { asked, lose, target } = yield* server
      const { instance, until } = yield* running({ target: Effect.succeed(target) })
      yield* until("ready")
      yield* TestClock.adjust("1 hour")
      yield* lose(instance)
      yield* until("degraded")
      yield* TestClock.adjust("1 second")
      yield* until("ready")
      assert.deepStrictEqual(asked(), ["server/discover", "initialize", "server/discover", "initialize"])
    }).pipe(withChildren))

  it.effect("is asked for again after a handshake that failed", () =>
    Effect.gen(function*() {
      const { asked, lose, refuse, target } = yield* server
      const { instance, until } = yield* running({ target: Effect.succeed(target) })
      yield* until("ready")
      refuse(1)
      yield* lose(instance)
      yield* until("degraded")
      yield* TestClock.adjust("1 second")
      yield* until("degraded")
      yield* TestClock.adjust("1 second")
      yield* until("ready")
      assert.deepStrictEqual(asked(), ["server/discover", "initialize", "initialize", "server/discover", "initialize"])
    }).pipe(withChildren))
})

const anybody = { sharer: undefined, principal: "p", capabilities: "{}", headers: NO_HEADERS }
const withChildren = Effect.provide(Layer.succeed(Children, { remember: () => {}, forget: () => Effect.void }))

const broken = new LoadFailed({ source: "over there", step: "look", cause: new Error("nothing there") })

interface Running {
  readonly target: Effect.Effect<Target, LoadFailed, Scope.Scope>
  readonly welcome?: Effect.Effect<void, BackendFailed>
}

/** An instance, every phase it went through, and how to wait for the next time it enters one. */
const running = Effect.fnUntraced(function*({ target, welcome = Effect.void }: Running) {
  const entered = yield* Queue.unbounded<State>()
  const states: Array<State> = []
  const instance = yield* Instances.make({
    id: "one",
    isShared: true,
    target: (announce) => Effect.andThen(Effect.sync(() => announce("preparing")), target),
    welcome: () => welcome,
    notified: () => {},
    watched: () => NO_TOPICS,
    logLevel: () => undefined,
    changed: (state) => {
      states.push(state)
      Queue.offerUnsafe(entered, state)
    }
  })
  const until = (phase: Phase): Effect.Effect<State> => Effect.repeat(Queue.take(entered), { until: (state) => state.phase === phase })
  return {
    instance,
    until,
    phases: (): ReadonlyArray<Phase> => states.map(({ phase }) => phase),
    count: (phase: Phase) => states.filter((state) => state.phase === phase).length,
    /** How long, in milliseconds, it was in that phase each time. */
    waits: (phase: Phase = "degraded") => states.flatMap((state, index) => {
      const after = states[index + 1]
      return state.phase === phase && after !== undefined ? [Math.round(after.since - state.since)] : []
    })
  }
})

/** Fails until the budget is spent. */
const pastBudget = Effect.fnUntraced(function*(until: (phase: Phase) => Effect.Effect<State>) {
  for (const longest of [500, 1000, 2000, 4000, 8000]) {
    yield* until("degraded")
    yield* TestClock.adjust(longest)
  }
  yield* until("failed")
})

/** A legacy server with sessions, which it can forget. */
const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const asked: Array<string> = []
    let session = 0
    let refusals = 0
    const http = createServer(async (request, response) => {
      let body = ""
      for await (const chunk of request) body += String(chunk)
      const { id, method } = JSON.parse(body === "" ? "{}" : body)
      const answer = (status: number, message?: object) => {
        response.writeHead(status, { "content-type": "application/json", ...(method === "initialize" ? { "mcp-session-id": `${++session}` } : {}) })
        response.end(message === undefined ? "" : JSON.stringify({ jsonrpc: "2.0", id, ...message }))
      }
      if (method === "initialize" || method === "server/discover") asked.push(method)
      if (method === "server/discover") return answer(400, { error: { code: -32601, message: "no" } })
      if (method === "initialize" && refusals-- > 0) return answer(200, { error: { code: -32603, message: "not now" } })
      if (method === "initialize") {
        return answer(200, { result: { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "s", version: "1" } } })
      }
      if (request.headers["mcp-session-id"] !== `${session}`) return answer(404)
      answer(request.method === "GET" ? 405 : 202)
    })
    await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening))
    const { port } = http.address() as AddressInfo
    const target: Target = {
      _tag: "Http",
      transport: "streamable_http",
      endpoint: { url: new URL(`http://127.0.0.1:${port}/mcp`), headers: {} }
    }
    return {
      http,
      target,
      asked: (): ReadonlyArray<string> => asked,
      /** Answers so many times `initialize` with an error. */
      refuse: (times: number) => {
        refusals = times
      },
      /** Forgets the session, and lets the instance notice. */
      lose: (instance: Instance) =>
        Effect.andThen(
          Effect.sync(() => session++),
          Effect.promise(async () => instance.direct(anybody)?.call(ownCall("ping", ""), { notify: () => {}, log: () => {}, done: () => {} }))
        )
    }
  }),
  ({ http }) => Effect.sync(() => http.close().closeAllConnections())
)
