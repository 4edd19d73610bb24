/** Servers that go, come back, forget their sessions or answer nonsense: what the status says, what callers hear, who is not touched. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { type Mood, moodyBackend } from "../kit/backend.ts"
import { call, serving, statusOf, until } from "../kit/calls.ts"
import { officialClient, textOf } from "../kit/client.ts"
import { down } from "../kit/down.ts"
import { restartable, startConformance, startEverything } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"
import { isAlive } from "../kit/process.ts"
import { modernCall, post } from "../kit/wire.ts"

const remote = (id: string, url: string, more: object = {}) => ({ id, type: "remote", url, auth_strategy: "bypass_auth", ...more })
const stays = { id: "stays", type: "local", path: resolve("test/fixtures/servers/answer.mjs"), auth_strategy: "bypass_auth", config: { args: ["here"] } }
/** With its tool `stubborn` it ends neither with its input nor at SIGTERM. */
const lingers = { ...stays, id: "lingers", path: resolve("test/fixtures/servers/legacy.mjs") }

const kinds = [
  { kind: "server-everything", begin: (port: number) => startEverything("streamableHttp", port), tool: "get-sum", args: { a: 19, b: 23 }, answer: /42/u },
  { kind: "a legacy server", begin: (port: number) => startConformance("legacy", port), tool: "test_simple_text", args: {}, answer: /simple text/u },
  { kind: "a modern server", begin: (port: number) => startConformance("modern", port), tool: "test_simple_text", args: {}, answer: /simple text/u }
]

describe("a server over Streamable HTTP that is killed", () => {
  for (const { answer, args, begin, kind, tool } of kinds) {
    const messageOf = (client: Client) =>
      client.callTool({ name: `far__${tool}`, arguments: args }).then(textOf, (cause: unknown) => `failed: ${cause instanceof Error ? cause.message : cause}`)

    it.live(`${kind}: is degraded and says why, fails calls clearly, at once when it has been away for a while, and comes back by itself in the same session`, () =>
      Effect.gen(function*() {
        const { kill, port, up } = yield* restartable(begin)
        const gate = yield* gateway({ servers: [remote("far", `http://127.0.0.1:${port}/mcp`), stays] })
        yield* Effect.promise(() => serving(gate.url, "far", "stays"))
        const client = yield* officialClient(gate.url, "legacy")
        assert.match(yield* Effect.promise(() => messageOf(client)), answer)

        yield* kill
        const [far] = yield* Effect.promise(() => down(gate.url, "far"))
        assert.match(far?.actual.why ?? "", /^Server "far" (does not listen at its address|closed the connection) \([A-Z_]+\)$/u)
        assert.match(far?.next ?? "", /^tried again in \d+s, or at once when the manifest changes$/u)
        assert.match(yield* Effect.promise(() => messageOf(client)), /failed: .*Server "far" is not running now/u)
        const began = performance.now()
        assert.match(yield* Effect.promise(() => messageOf(client)), /failed: .*Server "far" is not running now/u)
        assert.isBelow(performance.now() - began, 1000)
        assert.strictEqual((yield* Effect.promise(() => call(gate.url, "stays__answer", {}))).text, "here")

        yield* up
        yield* Effect.promise(() => until(() => messageOf(client), (text) => answer.test(text)))
        assert.strictEqual((yield* Effect.promise(() => statusOf(gate.url))).generation, 1)
      }).pipe(Effect.scoped))

    it.live(`${kind}: is used again when it was back before anybody called`, () =>
      Effect.gen(function*() {
        const { kill, port, up } = yield* restartable(begin)
        const gate = yield* gateway({ servers: [remote("far", `http://127.0.0.1:${port}/mcp`)] })
        yield* Effect.promise(() => serving(gate.url, "far"))
        const client = yield* officialClient(gate.url, "legacy")
        yield* kill
        yield* up
        yield* Effect.promise(() => until(() => messageOf(client), (text) => answer.test(text), 10))
      }).pipe(Effect.scoped))
  }
})

const troubles: ReadonlyArray<readonly [Exclude<Mood, "well">, RegExp]> = [
  ["unauthorized", /answered with HTTP status 401/u],
  ["failing", /answered with HTTP status 500/u],
  ["html", /answered with "text\/html", which is no MCP message/u],
  ["nonsense", /ended its answer without a result/u],
  ["silent", /did not answer within 10000 ms/u]
]

describe("a server that answers wrongly", () => {
  it.live("from the start is degraded with the reason; others serve meanwhile; no body of it is repeated", () =>
    Effect.gen(function*() {
      const bad = yield* Effect.forEach(troubles, ([mood]) => moodyBackend(mood))
      const gate = yield* gateway({ servers: [...bad.map(({ url }, index) => remote(`bad-${index}`, url)), stays] })
      yield* Effect.promise(() => serving(gate.url, "stays"))
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "stays__answer", {}))).text, "here")
      const servers = yield* Effect.promise(() => down(gate.url, ...bad.map((_, index) => `bad-${index}`)))
      for (const [index, [, why]] of troubles.entries()) assert.match(servers[index]?.actual.why ?? "", why)
      assert.isTrue(servers.every(({ next }) => next?.startsWith("tried again in ")))
      assert.notInclude(gate.stderr() + JSON.stringify(servers), "secret-of-the-backend")
    }).pipe(Effect.scoped))

  for (const [mood] of troubles) {
    it.live(`later (${mood}) fails that call with the reason and nothing of the caller's or its own; others do not notice`, () =>
      Effect.gen(function*() {
        const backend = yield* moodyBackend("well")
        const gate = yield* gateway({ servers: [remote("moody", backend.url, { timeout: "1 second" }), stays] })
        yield* Effect.promise(() => serving(gate.url, "moody", "stays"))
        backend.become(mood)
        const { body, headers } = modernCall("moody__session")
        const began = performance.now()
        const reply = yield* Effect.promise(() => post(gate.url, body, { ...headers, authorization: "Bearer canary-token" }))
        assert.isBelow(performance.now() - began, 1500)
        assert.match(reply.message?.error?.message ?? "", /^Server "moody" (answered|ended|did not answer)/u)
        assert.notInclude(reply.text + gate.stderr(), "secret-of-the-backend")
        assert.strictEqual((yield* Effect.promise(() => call(gate.url, "stays__answer", {}))).text, "here")
        backend.become("well")
        yield* Effect.promise(() => until(() => call(gate.url, "moody__session", {}), ({ error }) => error === undefined))
        assert.notInclude(JSON.stringify(backend.headers()), "canary")
      }).pipe(Effect.scoped))
  }
})

describe("a session that the server forgets", () => {
  it.live("is opened anew, and the call that found out is made once more: no caller hears of it", () =>
    Effect.gen(function*() {
      const backend = yield* moodyBackend("well")
      const gate = yield* gateway({ servers: [remote("moody", backend.url)] })
      yield* Effect.promise(() => serving(gate.url, "moody"))
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "moody__session", {}))).text, "1")
      backend.expire()
      assert.deepInclude(yield* Effect.promise(() => call(gate.url, "moody__session", {})), { error: undefined, text: "2" })
      assert.strictEqual(backend.asked("initialize").length, 2)
    }).pipe(Effect.scoped))

  it.live("is opened anew also when only clients that can be asked use it", () =>
    Effect.gen(function*() {
      const backend = yield* moodyBackend("well")
      const gate = yield* gateway({ servers: [remote("moody", backend.url)] })
      yield* Effect.promise(() => serving(gate.url, "moody"))
      const client = new Client({ name: "askable", version: "1" }, { capabilities: { sampling: {} }, versionNegotiation: { mode: "legacy" } })
      yield* Effect.promise(() => client.connect(new StreamableHTTPClientTransport(new URL(gate.url))))
      yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))
      const session = () => client.callTool({ name: "moody__session", arguments: {} }).then(textOf, () => "")
      const own = yield* Effect.promise(session)
      assert.strictEqual(own, "2")
      backend.expire(own)
      assert.strictEqual(yield* Effect.promise(session), "3")
      assert.strictEqual((yield* Effect.promise(() => call(gate.url, "moody__session", {}))).text, "1", "the other session was not touched")
    }).pipe(Effect.scoped))
})

describe("a server that is away for a moment", () => {
  it.live("answers the calls that nobody took meanwhile, when it is back", () =>
    Effect.gen(function*() {
      const { kill, port, up } = yield* restartable((port) => startConformance("legacy", port))
      const gate = yield* gateway({ servers: [remote("far", `http://127.0.0.1:${port}/mcp`)] })
      yield* Effect.promise(() => serving(gate.url, "far"))
      yield* kill
      const waiting = Promise.all([1, 2, 3].map(() => call(gate.url, "far__test_simple_text", {})))
      yield* up
      for (const { error, text } of yield* Effect.promise(() => waiting)) {
        assert.isUndefined(error)
        assert.match(text, /simple text/u)
      }
    }).pipe(Effect.scoped))
})

describe("two gateways with one data directory", () => {
  it.live("leave each other's children alone, until one is killed: its own are ended by the next start", () =>
    Effect.gen(function*() {
      const one = yield* gateway({ servers: [stays] })
      const shared = { servers: [stays, lingers], hosting: { host: "127.0.0.1", port: 0, data_directory: join(one.directory, "data") } }
      yield* Effect.promise(() => serving(one.url, "stays"))
      const children = one.descendants()
      const answer = (url: string) => Effect.map(Effect.promise(() => call(url, "stays__answer", {})), ({ text }) => text)

      const other = yield* gateway(shared)
      yield* Effect.promise(() => serving(other.url, "stays", "lingers"))
      yield* Effect.promise(() => call(other.url, "lingers__stubborn", {}))
      const orphans = other.descendants()
      assert.strictEqual(readdirSync(join(one.directory, "data/children")).length, 3)
      assert.isTrue(children.length > 0 && children.every(isAlive))
      yield* Effect.promise(other.kill)

      const third = yield* gateway(shared)
      yield* Effect.promise(() => serving(third.url, "stays"))
      assert.deepStrictEqual(orphans.filter(isAlive), [])
      assert.isTrue(children.every(isAlive))
      assert.deepStrictEqual([yield* answer(one.url), yield* answer(third.url)], ["here", "here"])
      yield* Effect.promise(third.stop)
      assert.isTrue(children.every(isAlive))
      assert.strictEqual((yield* Effect.promise(() => statusOf(one.url))).servers[0]?.actual.restarts, 0)
    }).pipe(Effect.scoped))
})
