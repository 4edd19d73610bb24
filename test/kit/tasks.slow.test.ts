import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { until } from "./calls.ts"
import { conformanceFixture } from "./gateway.ts"

const TASKS = "io.modelcontextprotocol/tasks"

for (const transport of ["http", "stdio"] as const) {
  describe(`a task of the conformance fixture over ${transport}`, () => {
    it.live("is told to who listens for it, change by change, and not to who listens for another", () =>
      Effect.gen(function*() {
        const peer = yield* talking(transport)
        peer.send(1, "tools/call", { name: "multi_input", arguments: {} })
        const taskId = (yield* Effect.promise(() => peer.answer(1))).result?.["taskId"]
        peer.send("mine", "subscriptions/listen", { notifications: { taskIds: [taskId], toolsListChanged: true } })
        peer.send("other", "subscriptions/listen", { notifications: { taskIds: ["no-such-task"] } })
        const acknowledged = yield* Effect.promise(() => peer.notices("notifications/subscriptions/acknowledged", 2))
        peer.send(2, "tasks/update", { taskId, inputResponses: { first: { action: "accept", content: { name: "a" } } } })
        yield* Effect.promise(() => peer.notices("notifications/tasks", 1))
        peer.send(3, "tasks/update", { taskId, inputResponses: { second: { action: "accept", content: { name: "b" } } } })
        const told = yield* Effect.promise(() => peer.notices("notifications/tasks", 3))

        const honoured = Object.fromEntries(acknowledged.map((one) => [subscriptionOf(one), one.params?.["notifications"]]))
        assert.deepEqual(honoured, { mine: { toolsListChanged: true, taskIds: [taskId] }, other: { taskIds: [] } })
        assert.deepEqual(told.map(({ params }) => params?.["status"]), ["input_required", "working", "completed"])
        assert.deepEqual(told.map(subscriptionOf), ["mine", "mine", "mine"])
        assert.deepEqual(Object.keys(told[0]?.params?.["inputRequests"] ?? {}), ["second"])
      }).pipe(Effect.scoped))

    it.live("is refused to a client that did not declare the extension, which gets the answer of the tool instead", () =>
      Effect.gen(function*() {
        const peer = yield* talking(transport)
        peer.send(1, "tools/call", { name: "slow_compute", arguments: { seconds: 0, label: "x" } }, {})
        peer.send(2, "tools/call", { name: "failing_job", arguments: {} }, {})
        peer.send(3, "subscriptions/listen", { notifications: { taskIds: ["x"] } }, {})

        const [computed, job, listen] = yield* Effect.promise(() => Promise.all([1, 2, 3].map(peer.answer)))
        assert.strictEqual(computed?.result?.["resultType"], "complete")
        assert.deepEqual([job?.error?.code, listen?.error?.code], [-32021, -32021])
        assert.deepEqual(job?.error?.data, { requiredCapabilities: { extensions: { [TASKS]: {} } } })
      }).pipe(Effect.scoped))
  })
}

interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly data?: unknown }
}

interface Sent {
  readonly jsonrpc: "2.0"
  readonly id: number | string
  readonly method: string
  readonly params: object
}

const subscriptionOf = ({ params }: Message) => String(Object(params?.["_meta"])["io.modelcontextprotocol/subscriptionId"])

/** Sends modern requests and keeps all that comes back, in its order. */
const talking = Effect.fnUntraced(function*(transport: "http" | "stdio") {
  const heard: Array<Message> = []
  const hear = (text: string) => void heard.push(JSON.parse(text))
  const write = transport === "http" ? yield* overHttp(hear) : yield* overStdio(hear)
  return {
    send: (id: number | string, method: string, params: object, extensions: object = { [TASKS]: {} }) => {
      const _meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { elicitation: {}, extensions }
      }
      write({ jsonrpc: "2.0", id, method, params: { ...params, _meta } })
    },
    answer: async (id: number) => {
      await until(() => Promise.resolve(heard), () => heard.some((message) => message.id === id))
      return heard.find((message) => message.id === id) ?? {}
    },
    notices: async (method: string, count: number) => {
      const found = () => heard.filter((message) => message.method === method)
      return until(() => Promise.resolve(found()), ({ length }) => length === count)
    }
  }
})

const overHttp = Effect.fnUntraced(function*(hear: (text: string) => void) {
  const { url } = yield* conformanceFixture("modern")
  const over = new AbortController()
  yield* Effect.addFinalizer(() => Effect.sync(() => over.abort()))
  return ({ method, params, ...message }: Sent) => {
    const name = "name" in params ? params.name : "taskId" in params ? params.taskId : undefined
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name === undefined ? {} : { "mcp-name": String(name) })
    }
    const read = async () => {
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ method, params, ...message }), signal: over.signal })
      for await (const chunk of response.body ?? []) {
        const text = new TextDecoder().decode(chunk)
        for (const line of text.split("\n")) if (/^(?:data: )?\{/u.test(line)) hear(line.replace("data: ", ""))
      }
    }
    read().catch(() => {})
  }
})

const overStdio = (hear: (text: string) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => spawn("node", ["test/fixtures/conformance/main.ts", "--stdio", "--era", "modern"], { stdio: ["pipe", "pipe", "inherit"] })),
      (child) => Effect.sync(() => child.kill())
    ),
    (child) => {
      createInterface(child.stdout).on("line", hear)
      return (message: Sent) => void child.stdin.write(`${JSON.stringify(message)}\n`)
    }
  )
