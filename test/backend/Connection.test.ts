import { assert, describe, it } from "@effect/vitest"
import { type Answer, Connection, type Question } from "../../src/backend/Connection.ts"
import type { Call, Era } from "../../src/backend/Era.ts"
import type { Outgoing, Transport } from "../../src/backend/transport/Transport.ts"

describe("a connection", () => {
  it("gives each answer to the request it belongs to, whatever the order they come in", () => {
    const { hears, connection } = connected("legacy", "stdio")
    const callers = [0, 1, 2].map(() => calling(connection))
    for (const id of [3, 1, 2]) hears(`{"jsonrpc":"2.0","id":${id},"result":{"for":${id}}}`)
    assert.deepStrictEqual(callers.map(({ answers }) => answers.map(textOf)), [[`{"for":1}`], [`{"for":2}`], [`{"for":3}`]])
    assert.strictEqual(connection.inFlight, 0)
  })

  it("answers once, and drops answers that nobody waits for", () => {
    const { hears, connection } = connected("legacy", "stdio")
    const caller = calling(connection)
    for (const id of ["1", "1", "7", "\"1\"", "null"]) hears(`{"jsonrpc":"2.0","id":${id},"result":{}}`)
    assert.strictEqual(caller.answers.length, 1)
  })

  it("gives progress back under the caller's own token, as the backend wrote the rest of it", () => {
    const { hears, connection, sent } = connected("legacy", "stdio")
    const asking = calling(connection, { progressToken: `"theirs"` })
    const silent = calling(connection)
    assert.deepStrictEqual(JSON.parse(sent[0]?.text ?? "").params._meta, { progressToken: 1 })
    hears(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":1,"x":9007199254740993}}`)
    hears(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":2}}`)
    hears(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":"theirs"}}`)
    assert.deepStrictEqual(asking.notes, [
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":"theirs","x":9007199254740993}}`
    ])
    assert.deepStrictEqual(silent.notes, [])
  })

  it("leaves out progress that does not increase, which no revision allows", () => {
    const { connection, hears } = connected("legacy", "stdio")
    const asking = calling(connection, { progressToken: "7" })
    for (const progress of [1, 1, 0.5, 2, "x", 2.5]) hears(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":${JSON.stringify(progress)}}}`)
    assert.deepStrictEqual(asking.notes.map((text) => JSON.parse(text).params.progress), [1, 2, 2.5])
  })

  it("gives no progress after the answer", () => {
    const { hears, connection } = connected("legacy", "stdio")
    const caller = calling(connection, { progressToken: "5" })
    hears(`{"jsonrpc":"2.0","id":1,"result":{}}`)
    hears(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":2,"progressToken":1}}`)
    assert.deepStrictEqual(caller.notes, [])
  })

  it("does not count a request of the gateway itself as one that a log message could be of", () => {
    const log = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`
    const { hears, connection } = connected("modern", "stdio")
    const listen = calling(connection, { method: "subscriptions/listen", isOwn: true })
    const caller = calling(connection)
    hears(log)
    assert.deepStrictEqual([listen.logs, caller.logs], [[], [log]])
  })

  it("gives the acknowledgement of a listen to that listen, also on a shared stream", () => {
    const acknowledged = (id: number) =>
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}}`
    const { hears, connection, notified } = connected("modern", "stdio")
    const listens = [1, 2].map(() => calling(connection, { method: "subscriptions/listen" }))
    hears(acknowledged(2))
    hears(acknowledged(9))
    assert.deepStrictEqual(listens.map(({ notes }) => notes), [[], [acknowledged(2)]])
    assert.deepStrictEqual(notified, [])
  })

  it("gives a log message to the only request in flight, and to none when it could be of several", () => {
    const log = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`
    const { hears, connection } = connected("legacy", "stdio")
    const one = calling(connection)
    hears(log)
    const other = calling(connection)
    hears(log)
    hears(log, 2)
    assert.deepStrictEqual([one.logs, other.logs], [[log], [log]])
  })

  it("tells its observer what the backend says of itself, on whichever stream", () => {
    const { hears, connection, notified } = connected("legacy", "http")
    calling(connection)
    hears(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, 1)
    hears(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}`)
    assert.deepStrictEqual(notified, ["notifications/tools/list_changed", "notifications/resources/updated"])
  })

  it("fails every request in flight when it closes, once, and those that come later at once", () => {
    const { connection, closed } = connected("legacy", "stdio")
    const callers = [calling(connection), calling(connection)]
    connection.close("it ended")
    connection.close("again")
    const late = calling(connection)
    assert.deepStrictEqual([...callers, late].map(({ answers }) => answers.map(({ kind }) => kind)), [["failed"], ["failed"], ["failed"]])
    assert.deepStrictEqual(closed, ["it ended"])
  })

  it("counts what is no message, and goes on", () => {
    const { hears, connection, garbage } = connected("legacy", "stdio")
    const caller = calling(connection)
    for (const line of ["Server listening", "{\"half\":", "}"]) hears(line)
    hears(`{"jsonrpc":"2.0","id":1,"result":{}}`)
    assert.strictEqual(garbage(), 3)
    assert.strictEqual(caller.answers.length, 1)
  })
})

describe("a question of a backend", () => {
  const question = `{"jsonrpc":"2.0","id":"q-1","method":"roots/list","params":{"a":1}}`

  it("goes to the caller on whose stream it came, and the answer goes back under its id", () => {
    const { hears, connection, sent } = connected("legacy", "http")
    const [one, other] = [calling(connection, {}, "askable"), calling(connection, {}, "askable")]
    hears(question, 2)
    assert.strictEqual(one.questions.length, 0)
    assert.deepInclude(other.questions[0], { method: "roots/list", params: `{"a":1}` })
    other.questions[0]?.answer(`"result":{"roots":[]}`)
    assert.strictEqual(sent.at(-1)?.text, `{"jsonrpc":"2.0","id":"q-1","result":{"roots":[]}}`)
  })

  it("is refused, never put to another caller, where it is unclear who is meant or nobody can be asked", () => {
    for (const origin of [undefined, 1, 9]) {
      const { hears, connection, sent } = connected("legacy", "http")
      calling(connection)
      const askable = calling(connection, {}, "askable")
      hears(question, origin)
      assert.deepStrictEqual(askable.questions, [])
      assert.deepInclude(JSON.parse(sent.at(-1)?.text ?? ""), { id: "q-1" })
      assert.strictEqual(JSON.parse(sent.at(-1)?.text ?? "").error.code, -32601)
    }
  })

  it("that came on no request's stream is refused, also when only one request is in flight", () => {
    const { hears, connection, sent } = connected("legacy", "stdio")
    const only = calling(connection, {}, "askable")
    hears(question)
    assert.deepStrictEqual(only.questions, [])
    assert.strictEqual(JSON.parse(sent.at(-1)?.text ?? "").error.code, -32601)
  })

  it("that is a ping is answered by the gateway itself", () => {
    const { hears, sent } = connected("legacy", "stdio")
    hears(`{"jsonrpc":"2.0","id":12,"method":"ping"}`)
    assert.strictEqual(sent[0]?.text, `{"jsonrpc":"2.0","id":12,"result":{}}`)
  })
})

describe("cancelling a request", () => {
  it.each([
    ["legacy", "stdio", true],
    ["legacy", "http", true],
    ["modern", "stdio", true],
    ["modern", "http", false]
  ] as const)("of a %s backend over %s says so: %s", (era, kind, isSaid) => {
    const { hears, connection, forgotten, sent } = connected(era, kind)
    const caller = calling(connection)
    caller.cancel()
    caller.cancel()
    const said = sent.filter(({ text }) => text.includes("notifications/cancelled"))
    assert.strictEqual(said.length, isSaid ? 1 : 0)
    if (isSaid) assert.strictEqual(JSON.parse(said[0]?.text ?? "").params.requestId, 1)
    assert.deepStrictEqual(forgotten, [1])
    hears(`{"jsonrpc":"2.0","id":1,"result":{}}`)
    assert.deepStrictEqual(caller.answers, [], "its answer comes too late")
  })

  it("that has been answered says nothing", () => {
    const { hears, connection, sent } = connected("legacy", "stdio")
    const caller = calling(connection)
    hears(`{"jsonrpc":"2.0","id":1,"result":{}}`)
    caller.cancel()
    assert.strictEqual(sent.length, 1)
  })
})

/** A connection over a transport that only remembers, and what it is told through `hears`. */
const connected = (era: Era, kind: Transport["kind"]) => {
  const sent: Array<Outgoing> = []
  const forgotten: Array<number> = []
  const notified: Array<string> = []
  const closed: Array<string> = []
  let garbage = 0
  const connection = new Connection({
    notified: (method) => notified.push(method),
    closed: (why) => closed.push(why),
    garbage: () => garbage++
  })
  connection.attach({
    kind,
    send: (outgoing) => sent.push(outgoing),
    forget: (id) => forgotten.push(id),
    openStream: () => {},
    agreed: () => {},
    close: () => {}
  })
  connection.era = era
  const hears = (text: string, origin?: number) => connection.receiver.message(Buffer.from(text), origin)
  return { connection, sent, forgotten, notified, closed, hears, garbage: () => garbage }
}

const calling = (connection: Connection, more: Partial<Call> = {}, who: "askable" | "silent" = "silent") => {
  const answers: Array<Answer> = []
  const notes: Array<string> = []
  const logs: Array<string> = []
  const questions: Array<Question> = []
  const call: Call = { method: "tools/call", params: "", meta: "", envelope: { capabilities: "{}" }, headers: {}, ...more }
  const cancel = connection.call(call, {
    notify: (text) => notes.push(text),
    log: (text) => logs.push(text),
    ...(who === "askable" ? { ask: (question: Question) => questions.push(question) } : {}),
    done: (answer) => answers.push(answer)
  })
  return { answers, notes, logs, questions, cancel }
}

const textOf = (answer: Answer) => answer.kind === "result" ? answer.result.toString("utf8") : answer.kind
