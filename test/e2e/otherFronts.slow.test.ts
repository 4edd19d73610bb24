/** The official clients of HTTP+SSE and WebSocket, as their authors wrote them, in front of servers of both eras. */
import { Client, SSEClientTransport } from "@modelcontextprotocol/client"
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js"
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js"
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js"
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { until } from "../kit/calls.ts"
import { textOf } from "../kit/client.ts"
import { fixtureGateway } from "../kit/fixtures.ts"

const WATCHED = resolve(import.meta.dirname, "../fixtures/servers/watched.mjs")

const started = fixtureGateway(
  [{ id: "old" }, { id: "new", era: "modern" }, { id: "watched", entry: { config: { args: [WATCHED] } } }],
  { args: ["--set", "hosting.transports.sse=true", "--set", "hosting.transports.websocket=true"] }
)

const transports = {
  "HTTP+SSE": (base: string) => new SseV1(new URL(`${base}/sse`)),
  WebSocket: (base: string) => new WebSocketClientTransport(new URL(`${base.replace("http", "ws")}/ws`))
}

for (const [name, transport] of Object.entries(transports)) {
  describe(`the client of SDK v1 over ${name}`, () => {
    it.live("lists, calls, hears progress and changes, and is asked, by servers of both eras", () =>
      Effect.gen(function*() {
        const { base } = yield* started
        const client = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new ClientV1({ name: "test", version: "1.0.0" }, { capabilities: { elicitation: {} } })
            client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }))
            await client.connect(transport(base))
            return client
          }),
          (client) => Effect.promise(() => client.close())
        )
        let changes = 0
        client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
          changes++
        })
        // This client forgets about progress when the result comes in the same read.
        const paused = { name: "new__progress", arguments: { count: 5, pause: 100 } }
        const use = yield* Effect.promise(async () => {
          const { tools } = await client.listTools()
          const steps: Array<number> = []
          const progress = await client.callTool(paused, undefined, { onprogress: ({ progress }) => steps.push(progress) })
          const asked = await client.callTool({ name: "new__ask", arguments: {} })
          await client.callTool({ name: "watched__add", arguments: {} })
          await until(async () => changes, (changes) => changes > 0)
          return { tools: tools.map(({ name }) => name), steps, progress, asked }
        })
        assert.includeMembers(use.tools, ["old__echo", "new__echo"])
        assert.deepStrictEqual(use.steps, [1, 2, 3, 4, 5])
        assert.strictEqual(textOf(Object(use.progress)), "done")
        assert.strictEqual(textOf(Object(use.asked)), "Hello Ada")
      }).pipe(Effect.scoped))
  })
}

describe("the client of SDK v2 over HTTP+SSE", () => {
  for (const era of ["legacy", "modern"] as const) {
    it.live(`lists, calls and is asked in the ${era} era`, () =>
      Effect.gen(function*() {
        const { base } = yield* started
        const client = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const mode = era === "legacy" ? "legacy" as const : { pin: "2026-07-28" }
            const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode }, capabilities: { elicitation: {} } })
            client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }))
            await client.connect(new SSEClientTransport(new URL(`${base}/sse`)))
            return client
          }),
          (client) => Effect.promise(() => client.close())
        )
        const { tools } = yield* Effect.promise(() => client.listTools())
        assert.includeMembers(tools.map(({ name }) => name), ["old__echo", "new__echo"])
        for (const server of ["old", "new"]) {
          const echoed = yield* Effect.promise(() => client.callTool({ name: `${server}__echo`, arguments: { a: 1 } }))
          assert.strictEqual(textOf(echoed), `{"a":1}`)
        }
        const asked = yield* Effect.promise(() => client.callTool({ name: "new__ask", arguments: {} }))
        assert.strictEqual(textOf(asked), "Hello Ada")
      }).pipe(Effect.scoped))
  }
})
