import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { eventReader, type Position } from "../../../src/backend/transport/EventStream.ts"

describe("events of a stream", () => {
  it("are the same however their bytes were cut into chunks", () => {
    fc.assert(fc.property(fc.array(anyEvent), fc.array(fc.nat(40)), fc.constantFrom("\n", "\r\n"), (events, cuts, end) => {
      const read = reading()
      const text = events.map(({ data, event }) => [`event: ${event}`, ...data.map((line) => `data: ${line}`), "", ""].join(end)).join("")
      for (const chunk of chunked(Buffer.from(text), cuts)) read.feed(chunk)
      const full = events.filter(({ data }) => data.some((line) => line !== ""))
      assert.deepStrictEqual(read.events, full.map(({ data, event }) => ({ event, data: data.join("\n") })))
    }), { numRuns: 300 })
  })

  it("are `message` unless they say otherwise, each for itself", () => {
    assert.deepStrictEqual(eventsOf("event: endpoint\ndata: /post\n\ndata: x\n\n"), [
      { event: "endpoint", data: "/post" },
      { event: "message", data: "x" }
    ])
  })

  it("lose one space after the colon, not two", () => {
    assert.deepStrictEqual(eventsOf("data:x\n\ndata: x\n\ndata:  x\n\n").map(({ data }) => data), ["x", "x", " x"])
  })

  it("come only from data: comments, ids, retries and unknown fields make none", () => {
    assert.deepStrictEqual(eventsOf(": keep-alive\n\nid: 5\nretry: 10\n\nevent: ping\n\nother: x\ndatabase: y\n\n"), [])
  })

  it("without any data are none, but say where the stream stands", () => {
    const position: Position = { lastEventId: undefined, retry: 1000 }
    const events: Array<unknown> = []
    eventReader(100, (event) => events.push(event), () => {}, position)(Buffer.from("id: 7\nretry: 250\ndata:\n\nid: 8\nretry: soon\n\n"))
    assert.deepStrictEqual(events, [])
    assert.deepStrictEqual(position, { lastEventId: "8", retry: 250 })
  })

  it("that never end are not given", () => {
    assert.deepStrictEqual(eventsOf("data: half\n"), [])
  })

  it("beyond the limit end the reading once, whether in one line or in many", () => {
    for (const text of [`data: ${"x".repeat(101)}`, "data: 0123456789\n".repeat(11), `: ${"x".repeat(300)}`, "x".repeat(300)]) {
      const read = reading(100)
      for (const chunk of chunked(Buffer.from(text), Array.from({ length: 60 }, () => 7))) read.feed(chunk)
      read.feed(Buffer.from("\n\ndata: after\n\n"))
      assert.strictEqual(read.overflows(), 1, text.slice(0, 20))
      assert.deepStrictEqual(read.events, [])
    }
  })

  it("of lines without end are beyond the limit, although empty lines have no size", () => {
    const read = reading()
    read.feed(Buffer.from("data:\n".repeat(100_001)))
    assert.strictEqual(read.overflows(), 1)
  })

  it("do not make the gateway come back without a pause", () => {
    const position: Position = { lastEventId: undefined, retry: 1000 }
    eventReader(100, () => {}, () => {}, position)(Buffer.from("retry: 0\n\n"))
    assert.strictEqual(position.retry, 100)
  })

  it("of exactly the limit pass", () => {
    const data = "x".repeat(100)
    assert.deepStrictEqual(eventsOf(`data: ${data}\n\n`, 100), [{ event: "message", data }])
  })
})

const anyEvent = fc.record({
  event: fc.constantFrom("message", "endpoint"),
  data: fc.array(fc.string({ unit: fc.constantFrom("a", "é", "😀", ":", " ", "{") }), { minLength: 1, maxLength: 4 })
})

const reading = (limit = 10_000) => {
  const events: Array<{ readonly event: string; readonly data: string }> = []
  let overflows = 0
  const feed = eventReader(limit, ({ data, event }) => events.push({ event, data: data.toString("utf8") }), () => overflows++)
  return { feed, events, overflows: () => overflows }
}

const eventsOf = (text: string, limit?: number) => {
  const { events, feed } = reading(limit)
  feed(Buffer.from(text))
  return events
}

const chunked = (bytes: Buffer, sizes: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  let at = 0
  return [...sizes.map((size) => bytes.subarray(at, at += size)), bytes.subarray(at)]
}
