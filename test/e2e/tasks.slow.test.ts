/** The tasks extension between a modern client and a modern server, by the messages themselves: no SDK knows it yet. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { serving, until } from "../kit/calls.ts"
import { conformanceFixture, gateway } from "../kit/gateway.ts"
import { post } from "../kit/wire.ts"

const TASKS = "io.modelcontextprotocol/tasks"

const behind = (transport: "http" | "stdio") =>
  Effect.gen(function*() {
    const common = { id: "far", auth_strategy: "bypass_auth" }
    const args = ["test/fixtures/conformance/main.ts", "--stdio", "--era", "modern"]
    const gate = yield* gateway({
      servers: [
        transport === "http"
          ? { ...common, type: "remote", url: (yield* conformanceFixture("modern")).url }
          : { ...common, type: "local", command: process.execPath, config: { args, working_directory: process.cwd() } }
      ]
    })
    yield* Effect.promise(() => serving(gate.url, "far"))
    return gate.url
  })

let last = 0

/** One modern request of a client that knows tasks, or that does not. */
const request = (method: string, params: Readonly<Record<string, unknown>>, knowsTasks = true) => {
  const name = params["name"] ?? params["taskId"]
  const capabilities = knowsTasks ? { extensions: { [TASKS]: {} } } : {}
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": capabilities }
  return {
    body: JSON.stringify({ jsonrpc: "2.0", id: ++last, method, params: { ...params, _meta } }),
    headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...(typeof name === "string" ? { "mcp-name": name } : {}) }
  }
}

const asked = async (url: string, ...given: Parameters<typeof request>) => {
  const { body, headers } = request(...given)
  return post(url, body, headers)
}

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" }

/** A listen, and what has come of it so far. */
const listening = async (url: string, taskIds: ReadonlyArray<string>) => {
  const { body, headers } = request("subscriptions/listen", { notifications: { taskIds } })
  const over = new AbortController()
  const response = await fetch(url, { method: "POST", body, headers: { ...json, ...headers }, signal: over.signal })
  let text = ""
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  })().catch(() => {})
  const messages = () => [...text.matchAll(/^data: (.+)$/gmu)].map(([, data]) => JSON.parse(data ?? ""))
  return { messages, stop: () => (over.abort(), reading) }
}

const start = async (url: string, name: string, args = {}) => {
  const { message } = await asked(url, "tools/call", { name, arguments: args })
  assert.strictEqual(message?.result?.["resultType"], "task", JSON.stringify(message))
  return String(message?.result?.["taskId"])
}

for (const transport of ["http", "stdio"] as const) {
  describe(`tasks of a modern server over ${transport}`, () => {
    it.live("are begun, asked about, answered and heard of under an id of the gateway's own", () =>
      Effect.gen(function*() {
        const url = yield* behind(transport)
        yield* Effect.promise(async () => {
          const taskId = await start(url, "far__confirm_delete", { filename: "a" })
          assert.match(taskId, /^[\w-]+\.[\w-]+$/u)
          const { messages, stop } = await listening(url, [taskId, "not.ours"])
          const [acknowledged] = await until(async () => messages(), (all) => all.length > 0)
          assert.deepStrictEqual(acknowledged.params.notifications, { taskIds: [taskId] })
          const waits = await until(() => asked(url, "tasks/get", { taskId }), ({ message }) => message?.result?.["status"] === "input_required")
          assert.strictEqual(waits.message?.result?.["taskId"], taskId)
          await asked(url, "tasks/update", { taskId, inputResponses: { confirm: { action: "accept", content: { confirm: true } } } })
          const heard = await until(async () => messages().slice(1), (all) => all.at(-1)?.params.status === "completed")
          await stop()
          for (const { method, params } of heard) {
            assert.match(method, /^notifications\/tasks/u)
            assert.strictEqual(params.taskId, taskId)
            assert.deepStrictEqual(params._meta, acknowledged.params._meta)
          }
          const done = await asked(url, "tasks/get", { taskId })
          assert.include(done.text, "a: {")
        })
      }).pipe(Effect.scoped))

    it.live("are cancelled, and unknown under any other id", () =>
      Effect.gen(function*() {
        const url = yield* behind(transport)
        yield* Effect.promise(async () => {
          const taskId = await start(url, "far__slow_compute", { seconds: 60, label: "x" })
          assert.strictEqual((await asked(url, "tasks/cancel", { taskId })).status, 200)
          const { message } = await asked(url, "tasks/get", { taskId })
          assert.strictEqual(message?.result?.["status"], "cancelled")
          for (const other of [`${taskId}x`, "t1"]) {
            const refused = await asked(url, "tasks/get", { taskId: other })
            assert.strictEqual(refused.message?.error?.code, -32602, other)
          }
        })
      }).pipe(Effect.scoped))

    it.live("never reach a client that did not declare them: it hears which capability is missing", () =>
      Effect.gen(function*() {
        const url = yield* behind(transport)
        yield* Effect.promise(async () => {
          const needed = { requiredCapabilities: { extensions: { [TASKS]: {} } } }
          const called = await asked(url, "tools/call", { name: "far__failing_job", arguments: {} }, false)
          assert.deepInclude(called.message?.error, { code: -32021, data: needed })
          assert.strictEqual(called.status, 400)
          const got = await asked(url, "tasks/get", { taskId: "x" }, false)
          assert.deepInclude(got.message?.error, { code: -32021, data: needed })
        })
      }).pipe(Effect.scoped))
  })
}
