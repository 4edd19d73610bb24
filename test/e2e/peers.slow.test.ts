/**
 * Servers and clients that nobody here wrote, made by others' libraries: each lists, calls, fails, reports
 * progress, is cancelled and asks through the gateway as it would without it. What the SDKs of version 2 do is in
 * cells.slow.test.ts, and what published servers do in published.slow.test.ts.
 */
import type { Client } from "@modelcontextprotocol/client"
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { officialClient, textOf } from "../kit/client.ts"
import { freePort, restartable, startEverything } from "../kit/everything.ts"
import { gateway } from "../kit/gateway.ts"
import { python, pythonMissing } from "../kit/python.ts"

const eras = ["legacy", "modern"] as const

interface Made {
  /** Of what it is made, and how it is reached. */
  readonly title: string
  readonly command: Effect.Effect<readonly [string, ...ReadonlyArray<string>]>
  readonly environment?: Readonly<Record<string, string>>
  readonly era: "legacy" | "modern"
  readonly transport: "stdio" | "http"
  /** A legacy server on stdio cannot say which call a question belongs to, unless it serves that client alone. */
  readonly asks: boolean
  readonly missing?: string | undefined
}

const file = (name: string) => Effect.succeed(["node", resolve("test/fixtures/servers", name)] as const)

const servers: ReadonlyArray<Made> = [
  ...eras.flatMap((era) => (["stdio", "http"] as const).map((transport): Made => ({
    title: `effect/ai (${era}, ${transport})`,
    command: file("effect.mjs"),
    environment: { ERA: era },
    era,
    transport,
    asks: era === "modern" || transport === "http"
  }))),
  { title: "SDK v1 (stdio)", command: file("sdkv1.mjs"), era: "legacy", transport: "stdio", asks: false },
  { title: "SDK v1 (http)", command: file("sdkv1.mjs"), era: "legacy", transport: "http", asks: true },
  { title: "the Python SDK (stdio)", command: python, era: "modern", transport: "stdio", asks: true, missing: pythonMissing }
]

/** A gateway in front of this server alone. */
const gatewayTo = (made: Made) =>
  Effect.gen(function*() {
    const [command, ...args] = yield* made.command
    const port = made.transport === "http" ? { port: yield* freePort } : {}
    const config = { args, environment: made.environment ?? {}, ...port }
    const gate = yield* gateway({ servers: [{ id: "peer", type: "local", command, auth_strategy: "bypass_auth", config }] })
    const { servers } = yield* Effect.promise(() => serving(gate.url, "peer"))
    assert.include(JSON.stringify(servers), `"era":"${made.era}"`)
    return gate.url
  })

const EFFECT_MODERN: Made = { title: "", command: file("effect.mjs"), environment: { ERA: "modern" }, era: "modern", transport: "http", asks: true }
const V1_HTTP: Made = { title: "", command: file("sdkv1.mjs"), era: "legacy", transport: "http", asks: true }

const outcome = (called: Promise<{ readonly isError?: boolean | undefined; readonly content?: ReadonlyArray<object> }>) =>
  called.then((result) => `${result.isError === true ? "failed: " : ""}${textOf(result)}`, (cause: unknown) => `failed: ${String(cause)}`)

const use = (client: Client, tool: string, args: Record<string, unknown> = {}) => outcome(client.callTool({ name: `peer__${tool}`, arguments: args }))

for (const made of servers) {
  for (const era of eras) {
    describe.skipIf(made.missing !== undefined)(`a server made with ${made.title}${made.missing === undefined ? "" : ` (skipped: ${made.missing})`}, for a ${era} client`, () => {
      it.live(`lists, answers, fails in its own words, reports all progress, stops when the caller does, and ${made.asks ? "asks its user" : "can ask nobody"}`, () =>
        Effect.gen(function*() {
          const client = yield* officialClient(yield* gatewayTo(made), era, { elicitation: { name: "ada" } })
          const progress: Array<number> = []
          yield* Effect.promise(async () => {
            const { tools } = await client.listTools()
            assert.includeMembers(tools.map(({ name }) => name), ["peer__add", "peer__fail", "peer__steps", "peer__wait"])
            assert.strictEqual(await use(client, "add", { a: 19, b: 23 }), "42")
            assert.match(await use(client, "fail"), /^failed: .*it did not work/u)
            assert.match(await use(client, "none"), /^failed: .*Unknown tool: peer__none/u)
            const done = client.callTool({ name: "peer__steps", arguments: {} }, { onprogress: (step) => progress.push(step.progress) })
            assert.strictEqual(textOf(await done), "done")
            assert.match(await use(client, "ask"), made.asks ? /^hello ada$/u : /^failed: /u)
            const stop = new AbortController()
            const waiting = outcome(client.callTool({ name: "peer__wait", arguments: {} }, { signal: stop.signal }))
            await use(client, "add", { a: 1, b: 2 })
            stop.abort()
            assert.match(await waiting, /^failed: /u)
            await until(() => use(client, "stopped"), (count) => count === "1")
          })
          assert.deepStrictEqual(progress, [1, 2, 3])
        }).pipe(Effect.scoped))
    })
  }
}

describe("server-everything, as published", () => {
  for (const era of eras) {
    it.live(`lists, answers, refuses, reports all progress to a ${era} client, and is given up when the caller gives up`, () =>
      Effect.gen(function*() {
        const { port } = yield* restartable((port) => startEverything("streamableHttp", port))
        const gate = yield* gateway({ servers: [{ id: "peer", type: "remote", url: `http://127.0.0.1:${port}/mcp`, auth_strategy: "bypass_auth" }] })
        yield* Effect.promise(() => serving(gate.url, "peer"))
        const client = yield* officialClient(gate.url, era, { elicitation: {} })
        const progress: Array<number> = []
        const operation = (duration: number, options: object) => outcome(client.callTool({ name: "peer__trigger-long-running-operation", arguments: { duration, steps: 4 } }, options))
        yield* Effect.promise(async () => {
          assert.isAbove((await client.listTools()).tools.length, 10)
          assert.match(await use(client, "get-sum", { a: 19, b: 23 }), /42/u)
          assert.match(await use(client, "get-sum", { a: "no number" }), /^failed: /u)
          assert.match(await operation(0.4, { onprogress: (step: { readonly progress: number }) => progress.push(step.progress) }), /completed/u)
          const began = performance.now()
          assert.match(await operation(60, { signal: AbortSignal.timeout(200) }), /^failed: /u)
          assert.isBelow(performance.now() - began, 10_000)
        })
        assert.deepStrictEqual(progress, [1, 2, 3, 4])
      }).pipe(Effect.scoped))
  }
})

describe("a server made with SDK v1 (http)", () => {
  for (const era of eras) {
    it.live(`samples with the model of a ${era} client, and tells it that a resource changed, once it wants to know`, () =>
      Effect.gen(function*() {
        const client = yield* officialClient(yield* gatewayTo(V1_HTTP), era, { elicitation: {} })
        const heard: Array<string> = []
        client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri))
        yield* Effect.promise(async () => {
          assert.strictEqual(await use(client, "sample"), "sampled")
          await use(client, "touch")
          if (era === "legacy") await client.subscribeResource({ uri: "note://one" })
          else await client.listen({ resourceSubscriptions: ["note://one"] })
          await until(() => use(client, "touch"), (watchers) => watchers === "1")
          await until(async () => heard, ([uri]) => uri === "note://one")
        })
      }).pipe(Effect.scoped))
  }
})

describe("the client of SDK v1, of a modern server", () => {
  it.live("lists, calls, fails, hears progress, cancels and is asked, as by a server of its own time", () =>
    Effect.gen(function*() {
      const client = new ClientV1({ name: "v1", version: "1.0.0" }, { capabilities: { elicitation: {} } })
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "ada" } }))
      const url = yield* gatewayTo(EFFECT_MODERN)
      yield* Effect.promise(() => client.connect(new HttpV1(new URL(url))))
      yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))
      const progress: Array<number> = []
      const say = (tool: string, args = {}, options = {}) =>
        client.callTool({ name: `peer__${tool}`, arguments: args }, undefined, options).then((result) => JSON.stringify(result), (cause: unknown) => `failed: ${String(cause)}`)
      yield* Effect.promise(async () => {
        assert.isAbove((await client.listTools()).tools.length, 4)
        assert.include(await say("add", { a: 19, b: 23 }), `"42"`)
        assert.include(await say("fail"), `"isError":true`)
        assert.include(await say("none"), "Unknown tool")
        assert.include(await say("ask"), "hello ada")
        await say("steps", {}, { onprogress: (step: { readonly progress: number }) => progress.push(step.progress) })
        const stop = new AbortController()
        const waiting = say("wait", {}, { signal: stop.signal })
        await say("add", { a: 1, b: 2 })
        stop.abort()
        assert.match(await waiting, /^failed: /u)
        await until(() => say("stopped"), (text) => text.includes(`"1"`))
      })
      assert.deepStrictEqual(progress, [1, 2, 3])
    }).pipe(Effect.scoped))

  it.live("subscribes to a resource and hears of its changes, and no more when it has unsubscribed", () =>
    Effect.gen(function*() {
      const path = resolve("test/fixtures/servers/watched.mjs")
      const gate = yield* gateway({ servers: [{ id: "peer", type: "local", path, auth_strategy: "bypass_auth", config: { environment: { ERA: "modern" } } }] })
      yield* Effect.promise(() => serving(gate.url, "peer"))
      const client = new ClientV1({ name: "v1", version: "1.0.0" })
      yield* Effect.promise(() => client.connect(new HttpV1(new URL(gate.url))))
      yield* Effect.addFinalizer(() => Effect.promise(() => client.close()))
      const heard: Array<string> = []
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri))
      const told = (tool: string) => client.callTool({ name: `peer__${tool}`, arguments: { uri: "thing://a" } }).then((result) => JSON.stringify(result.content))
      yield* Effect.promise(async () => {
        await client.subscribeResource({ uri: "thing://a" })
        await until(() => told("heard"), (text) => text.includes("[] [thing://a]"))
        await told("touch")
        await until(async () => heard.length, (count) => count === 1)
        await client.unsubscribeResource({ uri: "thing://a" })
        await until(() => told("heard"), (text) => text.endsWith(`[]"}]`))
        await told("touch")
      })
      assert.deepStrictEqual(heard, ["thing://a"])
    }).pipe(Effect.scoped))
})

for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28]) {
  for (const made of [EFFECT_MODERN, V1_HTTP]) {
    describe(`the client of effect/ai (${protocol.protocolVersion}), of a ${made.era} server`, () => {
      it.live("lists, calls, fails and cancels", () =>
        Effect.gen(function*() {
          const url = yield* gatewayTo(made)
          const layer = McpClient.layerHttp({ name: "effect", version: "1", url, protocol }).pipe(Layer.provide(FetchHttpClient.layer))
          yield* Effect.gen(function*() {
            const client = yield* McpClient.McpClient
            const tools = new Map((yield* client.listTools()).map((tool) => [tool.name, tool]))
            const call = (name: string, args = {}) => {
              const tool = tools.get(`peer__${name}`) ?? assert.fail(`no tool ${name}`)
              return Effect.map(client.callTool({ tool, arguments: args }), (result) => JSON.stringify(result))
            }
            assert.include(yield* call("add", { a: 19, b: 23 }), "42")
            assert.match(yield* call("fail"), /it did not work.*"isError":true/u)
            yield* Effect.timeoutOption(call("wait"), "300 millis")
            yield* Effect.repeat(call("stopped"), { until: (text) => text.includes(`"1"`), times: 200 })
            assert.include(yield* call("stopped"), `"1"`)
          }).pipe(Effect.provide(layer))
        }).pipe(Effect.scoped))
    })
  }
}
