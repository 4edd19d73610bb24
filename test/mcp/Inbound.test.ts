import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type Inbound, type Message, readInbound } from "../../src/mcp/Inbound.ts"
import { processorMillis } from "../kit/processorTime.ts"

const INVALID = -32600
const PARSE = -32700

describe("a message of a client", () => {
  it("keeps its parameters as they were written", () => {
    const message = messageOf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":9007199254740993,"n":1e400}}}`)
    const place = message.params.find(({ key }) => key === "arguments")
    assert.strictEqual(message.text.slice(place?.start, place?.end), `{"n":9007199254740993,"n":1e400}`)
  })

  it("is one line, so that it cannot become two where messages are lines", () => {
    const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"a":\r\n{"jsonrpc":"2.0","id":2,"method":"evil"}\n}}}`
    const message = messageOf(text)
    assert.notMatch(message.text, /[\r\n]/u)
    assert.deepStrictEqual(JSON.parse(message.text), JSON.parse(text))
    assert.include(messageOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\\n"}}`).text, "\\n", "an escape is no line break")
    const answer = readInbound(Buffer.from(`{"jsonrpc":"2.0","id":"q","result":{\n"a":\n1}}`))
    assert.deepStrictEqual(answer, { kind: "response", id: "\"q\"", member: `"result":{ "a": 1}` })
  })

  it("has an id that is a string or an integer, written as one writes it", () => {
    for (const id of ["0", "-5", "9007199254740991", "\"\"", "\"a\\u0000\\r\\n\"", "\"é\""]) {
      assert.strictEqual(messageOf(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`).id, JSON.stringify(JSON.parse(id)))
    }
    assert.isUndefined(messageOf(`{"jsonrpc":"2.0","method":"notifications/x"}`).id)
    for (const id of ["null", "{}", "[]", "true", "1.5", "1.0", "1e2", "1e400", "9007199254740993", "-0", `"${"x".repeat(513)}"`]) {
      assert.strictEqual(codeOf(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`), INVALID, id)
    }
  })

  it.each([
    ["is cut off", `{"jsonrpc":"2.0","id":1,"meth`],
    ["is empty", ""],
    ["begins with a byte order mark", `\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}`],
    ["is two messages", `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}`],
    ["has a raw line break in a string", `{"jsonrpc":"2.0","id":1,"method":"pi\nng"}`]
  ])("that %s is no JSON", (_, text) => {
    assert.strictEqual(codeOf(text), PARSE)
  })

  it("that is not UTF-8 is refused, not repaired", () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const text = Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"`), Buffer.from(bytes), Buffer.from("\"}")])
      assert.deepInclude(readInbound(text), { kind: "invalid", code: PARSE })
    }
  })

  it.each([
    ["a number", "5"],
    ["text", "\"x\""],
    ["null", "null"],
    ["without a version", `{"id":1,"method":"ping"}`],
    ["of another version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`],
    ["with a method that is no text", `{"jsonrpc":"2.0","id":1,"method":5}`],
    ["with params in a list", `{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}`],
    ["with null params", `{"jsonrpc":"2.0","id":1,"method":"x","params":null}`],
    ["with _meta that is no object", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":5}}`],
    ["that is neither request nor response", `{"jsonrpc":"2.0","id":1}`],
    ["that answers nothing", `{"jsonrpc":"2.0","result":{}}`]
  ])("that is %s is no request", (_, text) => {
    assert.strictEqual(codeOf(text), INVALID)
  })

  it("named by its id in the refusal when the id is readable, and by null when not", () => {
    assert.deepInclude(readInbound(Buffer.from(`{"jsonrpc":"2.0","id":"a","method":5}`)), { id: "\"a\"" })
    assert.deepInclude(readInbound(Buffer.from(`{"jsonrpc":"2.0","id":{},"method":"x"}`)), { id: "null" })
  })

  it("with a key that is there twice is refused, in message, params and _meta", () => {
    for (const text of [
      `{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}`,
      `{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}`,
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a","name":"b"}}`,
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a","n\\u0061me":"b"}}`,
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressToken":1,"progressToken":2}}}`,
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"a":1},"_meta":{}}}`
    ]) assert.strictEqual(codeOf(text), INVALID, text)
  })

  it("with a key we decide by in another case is refused, however a lenient reader would fold it", () => {
    for (const key of ["Name", "NAME", "Arguments", "argumentſ", "RequestState", "requeststate", "INPUTRESPONSES", "curſor"]) {
      assert.strictEqual(codeOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"${key}":"a"}}`), INVALID, key)
    }
    for (const key of ["Method", "ID", "Params", "paramſ", "JSONRPC"]) {
      assert.strictEqual(codeOf(`{"jsonrpc":"2.0","id":1,"method":"x","${key}":1}`), INVALID, key)
    }
    for (const key of ["ProgressToken", "io.modelcontextprotocol/ProtocolVersion", "io.modelcontextprotocol/loglevel"]) {
      assert.strictEqual(codeOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"${key}":1}}}`), INVALID, key)
    }
    assert.deepStrictEqual(messageOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"Other":1,"arguments":{"Name":1,"name":1}}}`).values, {
      Other: 1,
      arguments: { Name: 1, name: 1 }
    })
  })

  it("that names a prototype is one like any other", () => {
    const message = messageOf(`{"jsonrpc":"2.0","id":1,"method":"__proto__","params":{"__proto__":{"name":"a"},"constructor":1}}`)
    assert.strictEqual(message.method, "__proto__")
    assert.isUndefined(message.values["name"])
  })
})

describe("limits of a message", () => {
  it.each([
    ["64 deep passes, 65 does not", 62, 63],
    ["a million deep does not", 10, 500_000]
  ])("%s", (_, within, beyond) => {
    assert.strictEqual(messageOf(nested(within)).method, "x")
    const took = processorMillis(() => assert.deepInclude(readInbound(Buffer.from(nested(beyond))), { kind: "invalid", code: INVALID }))
    assert.isBelow(took, 50)
  })

  it("are 50,000 elements, and 64 members of what we read", () => {
    const withKeys = (count: number) =>
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}}}`
    assert.strictEqual(messageOf(withKeys(49_000)).method, "x")
    assert.strictEqual(codeOf(withKeys(50_001)), INVALID)
    assert.strictEqual(codeOf(`{"jsonrpc":"2.0","id":1,"method":"x","params":{${Array.from({ length: 65 }, (_, index) => `"k${index}":1`).join()}}}`), INVALID)
  })
})

describe("a batch", () => {
  it("holds each message as it was written", () => {
    const batch = readInbound(Buffer.from(`[ {"jsonrpc":"2.0","id":1,"method":"x","params":{"n":9007199254740993}} , {"jsonrpc":"2.0","method":"y"}]`))
    if (batch.kind !== "batch") return assert.fail(batch.kind)
    assert.include(only(batch.items[0]).text, "9007199254740993")
    assert.strictEqual(only(batch.items[1]).method, "y")
  })

  it("is judged message by message, by the same rules", () => {
    const batch = readInbound(Buffer.from(`[{"jsonrpc":"2.0","id":1.0,"method":"x"},{"jsonrpc":"2.0","id":1,"id":2,"method":"x"},5,[],{"jsonrpc":"2.0","id":3,"result":{}}]`))
    if (batch.kind !== "batch") return assert.fail(batch.kind)
    assert.deepStrictEqual(batch.items.map(({ kind }) => kind), ["invalid", "invalid", "invalid", "invalid", "response"])
  })

  it("holds 1 to 100", () => {
    assert.strictEqual(codeOf("[]"), INVALID)
    assert.strictEqual(codeOf(`[${Array.from({ length: 101 }, () => "{}").join()}]`), INVALID)
  })
})

it("never throws, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void readInbound(bytes)))
  fc.assert(fc.property(fc.json(), (text) => void readInbound(Buffer.from(text))))
  fc.assert(fc.property(fc.dictionary(fc.constantFrom("jsonrpc", "id", "method", "params", "result"), fc.jsonValue()), (message) =>
    void readInbound(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })))))
})

const nested = (depth: number) => `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`

const codeOf = (text: string): number | undefined => {
  const inbound = readInbound(Buffer.from(text))
  return inbound.kind === "invalid" ? inbound.code : undefined
}

const only = (inbound: Inbound | undefined): Message =>
  inbound?.kind === "message" ? inbound.message : assert.fail(JSON.stringify(inbound))

const messageOf = (text: string): Message => only(readInbound(Buffer.from(text)))
