import { assert, describe, it } from "@effect/vitest"
import { EventLogs } from "../../src/mcp/EventLog.ts"

const MEBIBYTE = 1024 * 1024

describe("the log of a stream", () => {
  it("gives a client that comes back what it missed, then what comes", () => {
    const logs = new EventLogs()
    const log = logs.open()
    log.append("a")
    log.append("b")
    const found = logs.find("s1-1")
    const heard = hearing()
    found?.log.attach(heard, found.after)
    log.append("c")
    log.finish()
    assert.deepStrictEqual(heard.heard, ["s1-2 b", "s1-3 c", "end"])
  })

  it("forgets its oldest events beyond the limit, however long it goes on, but never its newest", () => {
    const logs = new EventLogs()
    const log = logs.open()
    for (let count = 0; count < 10; count++) log.append("x".repeat(MEBIBYTE))
    assert.isUndefined(logs.find("s1-7"), "what came after it is not all there")
    assert.isDefined(logs.find("s1-8"))
    log.append("y".repeat(5 * MEBIBYTE))
    const heard = hearing()
    logs.find("s1-10")?.log.attach(heard, 10)
    assert.strictEqual(heard.heard.join().length, "s1-11 ".length + 5 * MEBIBYTE)
  })

  it("that had to make room is still heard by who listens, and keeps nothing", () => {
    const logs = new EventLogs()
    const log = logs.open()
    const heard = hearing()
    log.attach(heard, 0)
    for (let count = 0; count < 64; count++) logs.open()
    log.append("a")
    assert.deepStrictEqual(heard.heard, ["s1-1 a"])
    assert.isUndefined(logs.find("s1-0"))
  })

  it("ends the stream that a client has left for another one", () => {
    const log = new EventLogs().open()
    const [first, second] = [hearing(), hearing()]
    log.attach(first, 0)
    log.attach(second, 0)
    log.append("a")
    assert.deepStrictEqual([first.heard, second.heard], [["end"], ["s1-1 a"]])
  })
})

const hearing = () => {
  const heard: Array<string> = []
  return { heard, event: (id: string, text: string) => heard.push(`${id} ${text}`), end: () => heard.push("end") }
}
