import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Connection } from "../../src/backend/Connection.ts"
import type { Opened } from "../../src/backend/Opened.ts"
import { read } from "../../src/catalogue/Listing.ts"

type Said = { readonly result: string } | { readonly error: string } | "silence"

describe("reading the lists of a backend", () => {
  it.effect("gathers all pages in order, the cursor sent back as it was written", () =>
    Effect.gen(function*() {
      const { asked, opened } = backend(({ cursor }) => ({
        result: cursor === undefined ? `{"tools":[{"name":"a"}],"nextCursor":"\\u0070 2"}` : `{"nextCursor":null,"tools":[{"name":"b"},{"name":"c"}]}`
      }), { tools: {} })
      const { definitions } = yield* read("s", opened, "refuse")
      assert.deepStrictEqual(definitions.tools.map(({ name }) => name), ["a", "b", "c"])
      assert.deepStrictEqual(asked, [`tools/list undefined`, `tools/list "\\u0070 2"`])
    }))

  it.effect("asks only for what the backend says it has", () =>
    Effect.gen(function*() {
      const { asked, opened } = backend(() => ({ result: `{"resources":[],"resourceTemplates":[]}` }), { resources: {} })
      yield* read("s", opened, "refuse")
      assert.deepStrictEqual(asked.map((line) => line.split(" ")[0]).sort(), ["resources/list", "resources/templates/list"])
    }))

  it.effect("takes a list that the backend does not know for an empty one", () =>
    Effect.gen(function*() {
      const { opened } = backend(() => ({ error: `{"code":-32601,"message":"no"}` }), { prompts: {} })
      assert.deepStrictEqual((yield* read("s", opened, "refuse")).definitions.prompts, [])
    }))

  it.effect("leaves out what could harm, by name, and keeps its neighbours as they were written", () =>
    Effect.gen(function*() {
      const deep = `{"name":"deep","inputSchema":${"{\"not\":".repeat(6000)}{}${"}".repeat(6000)}}`
      const { opened } = backend(() => ({ result: `{"tools":[{"name":"a","n":9007199254740993},${deep},5,{"name":"b"}]}` }), { tools: {} })
      const { definitions, excluded } = yield* read("s", opened, "refuse")
      assert.deepStrictEqual(definitions.tools.map(({ text }) => text), [`{"name":"a","n":9007199254740993}`, `{"name":"b"}`])
      assert.deepStrictEqual(excluded.map(({ name }) => name), ["deep", "?"])
    }))

  it.effect("reads again only the lists it is told to, and keeps the others with what they left out", () =>
    Effect.gen(function*() {
      let time = 0
      const { asked, opened } = backend(({ method }) => ({
        result: method === "tools/list" ? `{"tools":[{"name":"t${++time}"},{"name":"bad name"}]}` : `{"prompts":[{"name":"p"},{"name":"bad name"}]}`
      }), { tools: {}, prompts: {} })
      const first = yield* read("s", opened, "refuse")
      const second = yield* read("s", opened, "refuse", first, ["tools"])
      assert.deepStrictEqual(second.definitions.tools.map(({ name }) => name), ["t2"])
      assert.deepStrictEqual(second.definitions.prompts, first.definitions.prompts)
      assert.deepStrictEqual(second.excluded.map(({ kind }) => kind).sort(), ["prompts", "tools"])
      assert.strictEqual(asked.length, 3)
    }))

  it.effect.each<readonly [string, (call: Asked) => Said]>([
    ["answers with an error", () => ({ error: `{"code":-32603,"message":"no"}` })],
    ["answers with something else", () => ({ result: `{"tools":{}}` })],
    ["repeats a cursor", () => ({ result: `{"tools":[],"nextCursor":"again"}` })],
    ["gives cursors without end", ({ time }) => ({ result: `{"tools":[],"nextCursor":"${time}"}` })],
    ["lists without end", ({ time }) => ({ result: `{"tools":[${Array.from({ length: 5000 }, () => "{}").join()}],"nextCursor":"${time}"}` })],
    ["lists 300,000 on one page", () => ({ result: `{"tools":[${"1,".repeat(300_000)}1]}` })]
  ])("leaves out one list and keeps the others when the backend %s", ([_, answer]) =>
    Effect.gen(function*() {
      const { asked, opened } = backend((call) => call.method === "prompts/list" ? { result: `{"prompts":[{"name":"p"}]}` } : answer(call), {
        tools: {},
        prompts: {}
      })
      const { definitions, excluded } = yield* read("s", opened, "refuse")
      assert.deepStrictEqual(definitions.prompts.map(({ name }) => name), ["p"])
      assert.deepStrictEqual(definitions.tools, [])
      assert.match(excluded[0]?.why ?? "", /^the list cannot be had: the server /u)
      assert.isAtMost(asked.length, 1002)
    }))

  it.effect("keeps the last list when reading it again goes wrong", () =>
    Effect.gen(function*() {
      const { opened } = backend(({ time }) => time === 0 ? { result: `{"tools":[{"name":"t"}]}` } : { error: `{"code":-32603,"message":"no"}` }, {
        tools: {}
      })
      const first = yield* read("s", opened, "refuse")
      const second = yield* read("s", opened, "refuse", first, ["tools"])
      assert.deepStrictEqual(second.definitions, first.definitions)
      assert.strictEqual(second.excluded.length, 1)
    }))

  it.effect("fails as a whole when the connection is lost", () =>
    Effect.gen(function*() {
      const { opened } = backend(() => "silence", { tools: {} })
      const reading = yield* Effect.forkChild(Effect.flip(read("s", opened, "refuse")), { startImmediately: true })
      opened.connection.close("gone")
      assert.strictEqual((yield* Fiber.join(reading)).reason, "closed")
    }))

  it.effect("gives up after 30 seconds, not before, when the backend says nothing", () =>
    Effect.gen(function*() {
      const { opened } = backend(() => "silence", { tools: {} })
      const reading = yield* Effect.forkChild(read("s", opened, "refuse"), { startImmediately: true })
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(reading.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.include((yield* Fiber.join(reading)).excluded[0]?.why, "did not finish tools/list in 30 seconds")
    }))
})

interface Asked {
  readonly method: string
  /** JSON text. */
  readonly cursor: string | undefined
  /** How many requests came before. */
  readonly time: number
}

/** An opened conversation with a backend that answers at once, by `answer`. */
const backend = (answer: (call: Asked) => Said, capabilities: Readonly<Record<string, object>>) => {
  const asked: Array<string> = []
  const connection = new Connection({ notified: () => {}, closed: () => {}, garbage: () => {} })
  connection.attach({
    kind: "stdio",
    send: ({ id, text }) => {
      if (id === undefined) return
      const { method } = JSON.parse(text)
      const cursor = /"cursor":("(?:[^"\\]|\\.)*")/u.exec(text)?.[1]
      const said = answer({ method, cursor, time: asked.length })
      asked.push(`${method} ${cursor}`)
      if (said === "silence") return
      const member = "result" in said ? `"result":${said.result}` : `"error":${said.error}`
      connection.receiver.message(Buffer.from(`{"jsonrpc":"2.0","id":${id},${member}}`), undefined)
    },
    forget: () => {},
    openStream: () => {},
    agreed: () => {},
    close: () => {}
  })
  const opened: Opened = {
    connection,
    handshake: { era: "legacy", version: "2025-11-25", capabilities, name: "s", instructions: undefined }
  }
  return { asked, opened }
}
