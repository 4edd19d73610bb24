import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Question, Reply } from "../../src/backend/Connection.ts"
import { type Call, TASKS } from "../../src/backend/Era.ts"
import { asCoreTask, declaring, driven, isTask, taskIdIn, wantsTask, withTaskId } from "../../src/router/Tasks.ts"

const call: Call = { method: "tools/call", params: `"name":"work"`, meta: "", envelope: { capabilities: `{"sampling":{}}` }, headers: {} }

const resultOf = (value: object): Reply => ({ kind: "result", era: "modern", result: Buffer.from(JSON.stringify(value)) })

/** A server whose task says this, one look after the other, and what it was sent. */
const server = (...looks: ReadonlyArray<object>) => {
  const sent: Array<string> = []
  const posted: Array<string> = []
  const said: Array<string | undefined> = []
  let at = 0
  return {
    sent,
    posted,
    said,
    driving: (ask?: (question: Question) => void) => ({
      send: ({ method, params }: Call) =>
        Effect.sync(() => {
          sent.push(`${method} ${params}`)
          return method === "tasks/get" ? resultOf({ taskId: "t", ...looks[Math.min(at++, looks.length - 1)] }) : resultOf({})
        }),
      post: ({ method }: Call) => void posted.push(method),
      ask,
      patience: 60_000,
      progress: (message: string | undefined) => void said.push(message)
    })
  }
}

const question = { q: { method: "elicitation/create", params: { message: "?" } } }

describe("a task that is driven for a client", () => {
  it.effect("is looked at until it has ended, and gives its result byte for byte", () =>
    Effect.gen(function*() {
      const { driving, said, sent } = server({ status: "working", statusMessage: "half", pollIntervalMs: 100 }, { status: "completed", result: { n: 1 } })
      const fiber = yield* Effect.forkChild(driven(call, "t", driving()))
      yield* TestClock.adjust("99 millis")
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("1 millis")
      const reply = yield* Fiber.join(fiber)
      assert.strictEqual(reply.kind === "result" ? reply.result.toString() : "", `{"n":1}`)
      assert.deepStrictEqual(said, ["half"])
    }))

  it.effect("asks each question once, however often it is looked at before the answer has arrived", () =>
    Effect.gen(function*() {
      const waiting = { status: "input_required", inputRequests: question }
      const { driving, sent } = server(waiting, waiting, { status: "completed", result: {} })
      let asked = 0
      const fiber = yield* Effect.forkChild(driven(call, "t", driving(({ answer }) => {
        asked++
        answer(`"result":{"action":"accept"}`)
      })))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(asked, 1)
      assert.deepStrictEqual(sent.filter((one) => one.startsWith("tasks/update")), [`tasks/update "taskId":"t","inputResponses":{"q":{"action":"accept"}}`])
    }))

  it.effect("is cancelled when nobody answers its question, when the client gives up, and when it takes too long", () =>
    Effect.gen(function*() {
      const refused = server({ status: "input_required", inputRequests: question })
      const reply = yield* driven(call, "t", refused.driving(({ answer }) => answer(`"error":{}`)))
      assert.strictEqual(reply.kind, "error")
      assert.deepStrictEqual(refused.posted, ["tasks/cancel"])

      const left = server({ status: "working" })
      const fiber = yield* Effect.forkChild(driven(call, "t", left.driving()))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(left.posted, ["tasks/cancel"])

      const slow = server({ status: "working" })
      const late = yield* Effect.forkChild(driven(call, "t", slow.driving()))
      yield* TestClock.adjust("61 seconds")
      const end = yield* Fiber.join(late)
      assert.match(end.kind === "error" ? end.error.message : "", /did not finish its task/u)
      assert.deepStrictEqual(slow.posted, ["tasks/cancel"])
    }))

  it.effect("that failed gives the error of the server, one that was cancelled says so", () =>
    Effect.gen(function*() {
      const failed = yield* driven(call, "t", server({ status: "failed", error: { code: -32001, message: "broken", data: 1 } }).driving())
      assert.deepStrictEqual(failed, { kind: "error", era: "modern", error: { code: -32001, message: "broken", raw: `{"code":-32001,"message":"broken","data":1}` } })
      const cancelled = yield* driven(call, "t", server({ status: "cancelled" }).driving())
      assert.match(cancelled.kind === "error" ? cancelled.error.message : "", /cancelled/u)
    }))
})

describe("a task of revision 2025-11-25", () => {
  it.effect("is begun as one, and its result awaited", () =>
    Effect.gen(function*() {
      const sent: Array<string> = []
      const send = ({ method, params }: Call) =>
        Effect.sync(() => {
          sent.push(`${method} ${params}`)
          return resultOf(method === "tools/call" ? { task: { taskId: "t" } } : { content: [] })
        })
      const reply = yield* asCoreTask(call, { send, post: () => {} })
      assert.deepStrictEqual(sent, [`tools/call "name":"work","task":{}`, `tasks/result "taskId":"t"`])
      assert.strictEqual(reply.kind === "result" ? reply.result.toString() : "", `{"content":[]}`)
    }))
})

describe("what is read of tasks", () => {
  it("is the top level alone: a result that only speaks of tasks is none", () => {
    assert.isTrue(isTask(Buffer.from(`{"resultType":"task","taskId":"a"}`)))
    assert.isFalse(isTask(Buffer.from(`{"resultType":"complete","structuredContent":{"resultType":"task","taskId":"a"}}`)))
    assert.isUndefined(taskIdIn(Buffer.from(`{"result":{"taskId":"a"}}`)))
  })

  it("is changed in its place, with every other byte as it was", () => {
    const written = Buffer.from(`{"n":12345678901234567890, "taskId" : "ä\\n" ,"s":"taskId"}`)
    assert.strictEqual(taskIdIn(written), "ä\n")
    assert.strictEqual(withTaskId(written, "b").toString(), `{"n":12345678901234567890, "taskId" : "b" ,"s":"taskId"}`)
  })

  it("is declared beside what the client declared, and wanted only where the server says so", () => {
    assert.deepStrictEqual(JSON.parse(declaring(call).envelope.capabilities), { sampling: {}, extensions: { [TASKS]: {} } })
    const error = (data: object): Reply => ({ kind: "error", era: "modern", error: { code: -32021, message: "", raw: JSON.stringify({ data }) } })
    assert.isTrue(wantsTask(error({ requiredCapabilities: { extensions: { [TASKS]: {} } } })))
    assert.isFalse(wantsTask(error({ requiredCapabilities: { sampling: {} } })))
  })
})
