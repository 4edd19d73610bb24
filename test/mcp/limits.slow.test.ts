/** Hostile requests over real connections: the exact refusal, nothing of it at the backend, nobody else disturbed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type FixtureGateway, fixtureGateway, undisturbed } from "../kit/fixtures.ts"
import { callText, exchange, type Headers, modernCall, post, raw, type Reply, session, textOf } from "../kit/wire.ts"

const MEBIBYTE = 1024 * 1024

/** Name, body, status and code to a legacy client, and to a modern one where that differs. */
type Case = readonly [what: string, body: string | Buffer, status: number, code: number, modern?: readonly [number, number]]

const call = callText("old__hostile", "{}", "7")
const withParams = (params: string) => `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`
const nested = (depth: number) => callText("old__hostile", `{"a":${"[".repeat(depth)}`, "7")

const messages: ReadonlyArray<Case> = [
  ["cut off", call.slice(0, -5), 400, -32700],
  ["no JSON", "hostile", 400, -32700],
  ["empty", "", 400, -32700],
  ["invalid UTF-8", Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":7,"method":"hostile`), Buffer.from([0xc3, 0x28]), Buffer.from("\"}")]), 400, -32700],
  ["a batch", `[${call},${call}]`, 400, -32600],
  ...["null", "{}", "1.5", "1e400", "[1]", "true", "9007199254740993"].map((id): Case => [`the id ${id}`, callText("old__hostile", "{}", id), 400, -32600]),
  ["two ids", call.replace(`"id":7`, `"id":7,"id":8`), 400, -32600],
  ["two names", withParams(`{"name":"old__echo","name":"old__hostile"}`), 400, -32600],
  ["a Name", withParams(`{"name":"old__echo","Name":"old__hostile"}`), 400, -32600],
  ["depth 65", nested(63), 400, -32600],
  ["depth 100,000", nested(100_000), 400, -32600],
  ["a million arrays", nested(MEBIBYTE), 400, -32600],
  ["50,001 keys", callText("old__hostile", `{${Array.from({ length: 50_001 }, (_, index) => `"k${index}":1`).join()}}`, "7"), 400, -32600],
  ...["rpc.hostile", "__proto__", "constructor", "hostile", "tools/Call"].map((method): Case =>
    [`the method ${method}`, call.replace("tools/call", method), 200, -32601, [404, -32601]]),
  ...["\\u0000", "\\r\\n", "\\u001b[31m", "__proto__", ""].map((name): Case =>
    [`the name ${JSON.stringify(name)}`, withParams(`{"name":"${name}"}`), 200, -32602, [400, -32602]])
]

describe("a hostile message", () => {
  it.live("gets the exact error in each era, and none of it reaches a backend", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const legacy = yield* Effect.promise(() => session(gateway.url))
        for (const [what, body, status, code, [modernStatus, modernCode] = [status, code]] of messages) {
          const began = performance.now()
          expectError(yield* Effect.promise(() => legacy.send(body)), status, code, `legacy: ${what}`)
          const modern = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "old__hostile" }
          const reply = yield* Effect.promise(() => post(gateway.url, body, modern))
          expectError(reply, modernStatus, modernCode, `modern: ${what}`)
          assert.isBelow(performance.now() - began, 1000, what)
        }
      })))

  it.live("whose headers contradict its body is refused before anyone acts on either", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const { body, headers } = modernCall("old__hostile")
        const contradictions: ReadonlyArray<Headers> = [
          { "mcp-protocol-version": "2025-11-25" },
          { "mcp-method": "tools/list" },
          { "mcp-method": [] },
          { "mcp-name": "old__echo" },
          { "mcp-name": [] },
          { "mcp-name": "old__hostile, old__echo" },
          { "mcp-name": ["old__hostile", "old__hostile"] },
          { "mcp-name": ["old__echo", "old__hostile"] },
          { "mcp-name": "=?base64?b2xkX19lY2hv?=" }
        ]
        for (const contradiction of contradictions) {
          const reply = yield* Effect.promise(() => post(gateway.url, body, { ...headers, ...contradiction }))
          expectError(reply, 400, -32020, JSON.stringify(contradiction))
        }
      })))

  it.live("cannot write a second message into a backend's input by its line breaks", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const smuggled = `{"a":\n{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"crash"}}\r\n}`
        const legacy = yield* Effect.promise(() => session(gateway.url))
        const answer = yield* Effect.promise(() => legacy.send(callText("old__echo", smuggled)))
        assert.deepStrictEqual(JSON.parse(textOf(answer)), JSON.parse(smuggled))
        const modern = modernCall("new__echo", smuggled)
        assert.deepStrictEqual(JSON.parse(textOf(yield* Effect.promise(() => post(gateway.url, modern.body, modern.headers)))), JSON.parse(smuggled))
        for (const id of ["old", "new"]) {
          for (const line of gateway.received(id)) assert.notStrictEqual(JSON.parse(line).params?.name, "crash")
        }
      })))
})

describe("a hostile HTTP request", () => {
  it.live("is refused by what its headers say, before its body is read", () =>
    hostile(({ url }) =>
      Effect.gen(function*() {
        const { host } = new URL(url)
        const cases: ReadonlyArray<readonly [Headers, number]> = [
          [{ "content-type": "application/json;charset=utf-7" }, 415],
          [{ "content-type": "text/plain" }, 415],
          [{ "content-type": [] }, 415],
          [{ "content-encoding": "gzip" }, 415],
          [{ accept: "application/json" }, 406],
          [{ accept: "text/html" }, 406],
          [{ host: "evil.example" }, 403],
          [{ host: `${host}@evil.example` }, 403],
          [{ host: "127.0.0.1:1" }, 403],
          [{ origin: "https://evil.example" }, 403],
          [{ origin: "null" }, 403],
          [{ origin: [`http://${host}`, "https://evil.example"] }, 403],
          [Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`x-${index}`, "1"])), 431],
          [{ "x-long": "x".repeat(16 * 1024) }, 431],
          [{ "mcp-session-id": "00000000-0000-4000-8000-000000000000" }, 404],
          [{ "mcp-session-id": [] }, 400],
          [{ "mcp-protocol-version": "1999-01-01" }, 400]
        ]
        for (const [headers, status] of cases) {
          const reply = yield* Effect.promise(() => post(url, call, headers))
          assert.strictEqual(reply.status, status, JSON.stringify(headers).slice(0, 200))
        }
        for (const method of ["PUT", "OPTIONS", "TRACE", "PATCH"]) {
          assert.match(yield* Effect.promise(() => exchange(url, `${method} /mcp HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)), /^HTTP\/1\.1 405 /u, method)
        }
      })))

  it.live("is refused by its first lines when they are no plain request", () =>
    hostile(({ url }) =>
      Effect.gen(function*() {
        const { host } = new URL(url)
        const rest = `Content-Type: application/json\r\nContent-Length: ${call.length}\r\nConnection: close\r\n\r\n${call}`
        const cases: ReadonlyArray<readonly [string, number]> = [
          [`POST /mcp HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.1\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.0\r\n${rest}`, 400],
          [`POST http://evil.example/mcp HTTP/1.1\r\nHost: ${host}\r\n${rest}`, 400],
          [`POST http://${host}/mcp HTTP/1.1\r\nHost: ${host}\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.1\r\nHost: ${host}\r\nX: a\u0000b\r\n${rest}`, 400],
          [`POST /mcp HTTP/1.1\r\nHost: ${host}\r\n${"X: 1\r\n".repeat(10_000)}${rest}`, 431],
          [`hostile\r\n\r\n`, 400]
        ]
        for (const [bytes, status] of cases) {
          const reply = yield* Effect.promise(() => exchange(url, bytes))
          assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `, "u"), bytes.slice(0, 120))
        }
      })))

  it.live("that is refused takes the connection with it: what was sent behind it is not executed", () =>
    hostile(({ url }) =>
      Effect.gen(function*() {
        const { host } = new URL(url)
        const { body, headers } = modernCall("old__hostile")
        const plain = Object.entries({ ...headers, "content-type": "application/json", accept: "*/*" }).map(([name, value]) => `${name}: ${value}\r\n`).join("")
        const second = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\n${plain}Content-Length: ${body.length}\r\n\r\n${body}`
        for (const version of ["1.0", "1.1"]) {
          for (const length of ["Transfer-Encoding: chunked", "Content-Length: 0"]) {
            const first = `POST /mcp HTTP/${version}\r\nHost: evil.example\r\nConnection: keep-alive\r\n${length}\r\n\r\n${length.startsWith("T") ? "0\r\n\r\n" : ""}`
            const reply = yield* Effect.promise(() => exchange(url, first + second))
            assert.strictEqual(reply.split("HTTP/1.1 ").length, 2, `${version} ${length}: ${reply}`)
          }
        }
      })))

  it.live("may hold 4 MiB and not one byte more, with a length or without", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const { headers, send } = yield* Effect.promise(() => session(gateway.url))
        const padded = (size: number) => callText("old__echo").padEnd(size)
        assert.strictEqual(textOf(yield* Effect.promise(() => send(padded(4 * MEBIBYTE)))), "{}")
        assert.strictEqual((yield* Effect.promise(() => send(padded(4 * MEBIBYTE + 1)))).status, 413)

        const { closed, socket } = raw(gateway.url)
        const fields = Object.entries({ ...headers, "content-type": "application/json", accept: "*/*" }).map(([name, value]) => `${name}: ${value}\r\n`).join("")
        socket.write(`POST /mcp HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`)
        const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`
        for (let i = 0; i < 4096 && !socket.destroyed; i++) {
          if (!socket.write(chunk)) yield* Effect.promise(() => new Promise<void>((go) => void (socket.once("drain", go), socket.once("close", go))))
        }
        assert.match(yield* Effect.promise(() => closed), /^HTTP\/1\.1 413 /u)
        assert.isBelow(socket.bytesWritten, 64 * MEBIBYTE, "reading stops at the limit")
      })))
})

describe("a plain request", () => {
  it.live("comes and goes with its numbers as they were written, in every pairing of eras", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const args = `{"n":9007199254740993,"huge":1e400,"exact":1.10,"text":"\\u0041é😀"}`
        const legacy = yield* Effect.promise(() => session(gateway.url))
        for (const id of ["old", "new"]) {
          assert.strictEqual(textOf(yield* Effect.promise(() => legacy.send(callText(`${id}__echo`, args)))), args)
          const { body, headers } = modernCall(`${id}__echo`, args)
          assert.strictEqual(textOf(yield* Effect.promise(() => post(gateway.url, body, headers))), args)
        }
      })))

  it.live("hears of progress under its own token, before the answer, in every pairing of eras", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const legacy = yield* Effect.promise(() => session(gateway.url))
        for (const id of ["old", "new"]) {
          const { body, headers } = modernCall(`${id}__progress`)
          const params = `{"name":"${id}__progress","_meta":{"progressToken":"mine"}}`
          const replies = yield* Effect.promise(() =>
            Promise.all([
              post(gateway.url, body.replace(`"_meta":{`, `"_meta":{"progressToken":"mine",`), headers),
              legacy.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`)
            ]))
          for (const { text } of replies) {
            const events = [...text.matchAll(/^data: (.+)$/gmu)].map(([, data = ""]) => JSON.parse(data))
            assert.deepStrictEqual(events.map(({ params, result }) => params ?? result.content[0].text), [
              ...[1, 2, 3].map((progress) => ({ progressToken: "mine", progress })),
              "done"
            ])
          }
        }
      })))

  it.live("brings nothing of its own headers to a backend", () =>
    hostile((gateway) =>
      Effect.gen(function*() {
        const { headers } = yield* Effect.promise(() => session(gateway.url))
        const secret = { authorization: "Bearer hostile", cookie: "hostile", connection: "authorization", "x-forwarded-for": "hostile" }
        const reply = yield* Effect.promise(() => post(gateway.url, callText("old__echo"), { ...headers, ...secret }))
        assert.strictEqual(textOf(reply), "{}")
      })))
})

/** A gateway under attack: beside it a caller who must notice nothing, behind it servers that must see none of it. */
const hostile = (attack: (gateway: FixtureGateway) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const gateway = yield* fixtureGateway([{ id: "old" }, { id: "new", era: "modern" }, { id: "canary" }])
    yield* undisturbed(gateway, "canary", attack(gateway))
    for (const id of ["old", "new"]) assert.notInclude(gateway.received(id).join("\n"), "hostile")
  }).pipe(Effect.scoped)

const expectError = ({ message, status, text }: Reply, wanted: number, code: number, what: string) => {
  assert.strictEqual(`${status} ${message?.error?.code}`, `${wanted} ${code}`, `${what}: ${text.slice(0, 200)}`)
}
