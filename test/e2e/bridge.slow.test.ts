/** What one era has and the other says in another way: addresses to open, tasks, output that is no object, log levels, resources of one's own. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { resolve } from "node:path"
import { serving, until } from "../kit/calls.ts"
import { type ClientEra, officialClient, textOf } from "../kit/client.ts"
import { conformanceFixture, gateway } from "../kit/gateway.ts"
import { modernCall, post, session, textOf as wireText } from "../kit/wire.ts"

const behind = Effect.fnUntraced(function*(sharing = "shared") {
  const path = resolve("test/fixtures/servers/interactive.mjs")
  const gate = yield* gateway({ servers: [{ id: "one", type: "local", path, auth_strategy: "bypass_auth", sharing }] })
  yield* Effect.promise(() => serving(gate.url, "one"))
  return gate.url
})

const behindTasks = Effect.gen(function*() {
  const fixture = yield* conformanceFixture("modern")
  const gate = yield* gateway({ servers: [{ id: "far", type: "remote", url: fixture.url, auth_strategy: "bypass_auth" }] })
  yield* Effect.promise(() => serving(gate.url, "far"))
  return gate.url
})

/** A client that can be shown addresses, and what it was asked. */
const clientThat = (url: string, era: ClientEra, action: "accept" | "decline") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ name: "c", version: "1" }, {
        versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } },
        capabilities: { elicitation: { form: {}, url: {} } }
      })
      const asked: Array<object> = []
      client.setRequestHandler("elicitation/create", ({ params }) => {
        asked.push(params)
        return { action, ...(action === "accept" && params.mode !== "url" ? { content: { confirm: true } } : {}) }
      })
      await client.connect(new StreamableHTTPClientTransport(new URL(url)))
      return { client, asked, call: (name: string, args = {}) => client.callTool({ name, arguments: args }).then(textOf, String) }
    }),
    ({ client }) => Effect.promise(() => client.close())
  )

describe("an address that a legacy server wants opened first", () => {
  it.live("is a question to a modern client, and its answer is the call again", () =>
    Effect.gen(function*() {
      const { asked, call } = yield* clientThat(yield* behind(), "modern", "accept")
      assert.strictEqual(yield* Effect.promise(() => call("one__open")), "opened")
      assert.deepStrictEqual(asked, [{ mode: "url", message: "Open it", url: "https://example.com/open" }])
    }).pipe(Effect.scoped))

  it.live("that the user does not open ends the call, which is not made again", () =>
    Effect.gen(function*() {
      const { asked, call } = yield* clientThat(yield* behind(), "modern", "decline")
      assert.match(yield* Effect.promise(() => call("one__open")), /did not open the address/u)
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.scoped))

  it.live("is the error of its own revision to a legacy client, and a missing capability to a modern one that can show none", () =>
    Effect.gen(function*() {
      const first = yield* behind()
      const legacy = yield* Effect.promise(async () => (await session(first)).call("one__open"))
      assert.strictEqual(legacy.message?.error?.code, -32042)
      const second = yield* behind()
      const { body, headers } = modernCall("one__open")
      const modern = yield* Effect.promise(() => post(second, body, headers))
      assert.strictEqual(modern.status, 400)
      assert.deepInclude(modern.message?.error, { code: -32021, data: { requiredCapabilities: { elicitation: { url: {} } } } })
    }).pipe(Effect.scoped))
})

describe("a task", () => {
  it.live("that a modern server insists on is driven to its end for a legacy client, whose user is asked on the way", () =>
    Effect.gen(function*() {
      const { asked, call } = yield* clientThat(yield* behindTasks, "legacy", "accept")
      assert.match(yield* Effect.promise(() => call("far__test_tool_with_task")), /^Worked for \{"user_name":\{"action":"accept"/u)
      assert.strictEqual(asked.length, 1)
      assert.match(yield* Effect.promise(() => call("far__failing_job")), /intentionally fails/u)
    }).pipe(Effect.scoped))

  it.live("of revision 2025-11-25 is begun and awaited by the gateway; clients of either era see a tool like any other", () =>
    Effect.gen(function*() {
      const url = yield* behind()
      for (const era of ["legacy", "modern"] as const) {
        const client = yield* officialClient(url, era)
        const { tools } = yield* Effect.promise(() => client.listTools())
        assert.isUndefined(tools.find(({ name }) => name === "one__task")?.execution)
        assert.strictEqual(textOf(yield* Effect.promise(() => client.callTool({ name: "one__task", arguments: { what: era } }))), `done ${era}`)
      }
    }).pipe(Effect.scoped))
})

describe("output that is no object", () => {
  it.live("stands below result for a legacy client, in the list as in the answer, and as it was for a modern one", () =>
    Effect.gen(function*() {
      const url = yield* behind()
      const legacy = yield* Effect.promise(async () => {
        const { call, send } = await session(url)
        return { list: await send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`), called: await call("one__list") }
      })
      assert.include(legacy.list.text, `"outputSchema":{"type":"object","properties":{"result":{"type":"array","items":{"type":"number"}}},"required":["result"]}`)
      assert.include(legacy.called.text, `"structuredContent":{"result":[1,12345678901234567890]}`)
      const { body, headers } = modernCall("one__list")
      assert.include((yield* Effect.promise(() => post(url, body, headers))).text, `"structuredContent":[1,12345678901234567890]`)
    }).pipe(Effect.scoped))
})

describe("the log level of a legacy server", () => {
  it.live("is the most talkative that anybody wants, and what is left when that one has gone", () =>
    Effect.gen(function*() {
      const url = yield* behind()
      const level = (name: string) => `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"${name}"}}`
      const heard = yield* Effect.promise(async () => {
        const [quiet, loud] = await Promise.all([session(url), session(url)])
        await quiet.send(level("error"))
        await loud.send(level("debug"))
        await quiet.send(level("warning"))
        await fetch(url, { method: "DELETE", headers: loud.headers })
        return wireText(await quiet.call("one__levels"))
      })
      assert.strictEqual(heard, "error debug warning")
    }).pipe(Effect.scoped))
})

describe("a resource of a server with a process for each session", () => {
  it.live("is heard of where it changed, not by other sessions", () =>
    Effect.gen(function*() {
      const url = yield* behind("per_session")
      const [ada, bob] = yield* Effect.all([officialClient(url, "legacy"), officialClient(url, "legacy")])
      const heard: Array<string> = []
      ada.setNotificationHandler("notifications/resources/updated", () => void heard.push("ada"))
      bob.setNotificationHandler("notifications/resources/updated", () => void heard.push("bob"))
      yield* Effect.promise(async () => {
        await Promise.all([ada, bob].map((client) => client.subscribeResource({ uri: "thing://a" })))
        assert.strictEqual(textOf(await ada.callTool({ name: "one__touch", arguments: {} })), "thing://a")
        await until(async () => heard.join(), (names) => names === "ada")
        await bob.unsubscribeResource({ uri: "thing://a" })
        await until(async () => textOf(await bob.callTool({ name: "one__touch", arguments: {} })), (left) => left === "")
      })
      assert.deepStrictEqual(heard, ["ada"])
    }).pipe(Effect.scoped))
})
