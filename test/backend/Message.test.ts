import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { readMessage } from "../../src/backend/Message.ts"

describe("a response of a backend", () => {
  it("gives its result byte for byte, in whichever order and spacing its members come", () => {
    fc.assert(fc.property(fc.nat(), resultText, orders(["jsonrpc", "id", "result"]), spacing, (id, result, order, space) => {
      const bytes = written({ jsonrpc: `"2.0"`, id: String(id), result }, order, space)
      const message = readMessage(bytes)
      if (message.kind !== "result") return assert.fail(`${message.kind}: ${bytes.toString()}`)
      assert.strictEqual(message.id, id)
      assert.strictEqual(message.result.toString("utf8"), result)
    }), { numRuns: 500 })
  })

  it("is not misled by text in a result that looks like the end of the message", () => {
    for (const text of [`,"id":7}`, `","id":7}`, `\\",\\"id\\":7}`, `"result":`, `{"jsonrpc":"2.0","id":7,"result":{}}`]) {
      const result = JSON.stringify({ text, id: 7, result: { id: 7 } })
      for (const order of [["jsonrpc", "id", "result"], ["result", "jsonrpc", "id"], ["jsonrpc", "result", "id"], ["id", "result", "jsonrpc"]]) {
        const message = readMessage(written({ jsonrpc: `"2.0"`, id: "1", result }, order, ""))
        if (message.kind !== "result") return assert.fail(message.kind)
        assert.strictEqual(message.id, 1, `${order}: ${text}`)
        assert.strictEqual(message.result.toString("utf8"), result)
      }
    }
  })

  it("keeps what JavaScript would change: numbers beyond 2^53, 1e400, duplicate keys, broken UTF-8", () => {
    const result = Buffer.concat([Buffer.from(`{"a":9007199254740993,"b":1e400,"a":1.0,"c":"`), Buffer.from([0xff, 0xfe]), Buffer.from("\"}")])
    const message = readMessage(Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":3,"result":`), result, Buffer.from("}")]))
    if (message.kind !== "result") return assert.fail(message.kind)
    assert.isTrue(message.result.equals(result))
  })

  it("answers nothing when its id is none the gateway gives", () => {
    for (const id of ["\"1\"", "null", "true", "[1]", "{}", "1.5", "99999999999999999999"]) {
      const message = readMessage(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{}}`))
      if (message.kind !== "result") return assert.fail(message.kind)
      assert.isFalse(Number.isSafeInteger(message.id), id)
    }
  })

  it("with an error keeps the error as written, and reads code and message", () => {
    fc.assert(fc.property(orders(["jsonrpc", "id", "error"]), spacing, (order, space) => {
      const error = `{"message":"no \\u0041","code":-32001,"data":{"big":9007199254740993}}`
      const message = readMessage(written({ jsonrpc: `"2.0"`, id: "5", error }, order, space))
      assert.deepStrictEqual(message, { kind: "error", id: 5, error: { code: -32001, message: "no A", raw: error } })
    }))
  })

  it("with an error that is no error object gets one that clients can read", () => {
    for (const error of ["5", "\"text\"", "nonsense", "[1]", "null"]) {
      const message = readMessage(Buffer.from(`{"jsonrpc":"2.0","id":5,"error":${error}}`))
      if (message.kind !== "error") return assert.fail(message.kind)
      assert.deepStrictEqual(JSON.parse(message.error.raw), { code: -32603, message: "unreadable error" }, error)
    }
  })
})

describe("other messages of a backend", () => {
  it("are notifications without an id and requests with one, in any order of members", () => {
    fc.assert(fc.property(orders(["jsonrpc", "method", "params"]), spacing, (order, space) => {
      const bytes = written({ jsonrpc: `"2.0"`, method: `"notifications/x"`, params: `{"é":1}` }, order, space)
      assert.deepStrictEqual(readMessage(bytes), { kind: "notification", method: "notifications/x", text: bytes.toString() })
    }))
    for (const id of ["1", "\"ö-1\"", "1.0"]) {
      const text = `{"method":"roots/list","id":${id},"jsonrpc":"2.0"}`
      assert.deepStrictEqual(readMessage(Buffer.from(text)), { kind: "request", method: "roots/list", id, text })
    }
  })

  it("are garbage when they are no JSON at all, instead of reaching code that parses them", () => {
    const broken = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":nonsense}}`
    assert.deepStrictEqual(readMessage(Buffer.from(broken)), { kind: "garbage" })
  })

  it("are garbage, and nothing is thrown, whatever else the line holds", () => {
    for (const line of ["", "}", "{}", "hello", "[]", "[1]", "null", "{\"a\":1}", `{"jsonrpc":"2.0","id":1}`, `{"error":"invalid_token","error_description":"no"}`, "{\"method\":5}", "Listening on {port}", "\u0000}"]) {
      assert.strictEqual(readMessage(Buffer.from(line)).kind, "garbage", line)
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readMessage(Buffer.from(bytes))))
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom("{", "}", "\"", ":", ",", "id", "result", "method", "error", "1", "[", "]", "\\") }), (text) =>
      void readMessage(Buffer.from(`{${text}}`))), { numRuns: 1000 })
  })
})

/** Every order of these members. */
const orders = (keys: ReadonlyArray<string>) => fc.shuffledSubarray([...keys], { minLength: keys.length })
const spacing = fc.constantFrom("", " ", "\t", " \r")
const resultText = fc.tuple(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), fc.constantFrom(0, 1)).map(([value, indent]) =>
  JSON.stringify(value, null, indent).replaceAll("\n", " "))

const written = (members: Readonly<Record<string, string>>, order: ReadonlyArray<string>, space: string): Buffer =>
  Buffer.from(`{${space}${order.map((key) => `"${key}"${space}:${space}${members[key]}`).join(`${space},${space}`)}${space}}`)
