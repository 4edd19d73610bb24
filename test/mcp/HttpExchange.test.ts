import { LOCAL } from "../../src/guard/Authentication.ts"
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { vi } from "vitest"
import { EventLogs } from "../../src/mcp/EventLog.ts"
import { eventStream, httpExchange } from "../../src/mcp/HttpExchange.node.ts"

describe("an event stream", () => {
  it("that has ended is written to no more, although its client has not read it yet", () =>
    withRequest(async (response) => {
      vi.useFakeTimers({ toFake: ["setInterval"] })
      const failures: Array<unknown> = []
      response.on("error", (cause) => failures.push(cause))
      const stream = eventStream(response)
      response.write(Buffer.alloc(32 * 1024 * 1024))
      stream.end()
      vi.advanceTimersByTime(60_000)
      vi.useRealTimers()
      await new Promise(setImmediate)
      assert.isFalse(response.writableFinished)
      assert.deepStrictEqual(failures, [])
    }))

  it("to which a client came back ends with the request, too", () =>
    withRequest(async (response) => {
      const logs = new EventLogs()
      const exchange = httpExchange(response.req, response, { principal: LOCAL, server: undefined })
      exchange.keep(() => logs.open())
      exchange.stream()
      const heard: Array<string> = []
      logs.find("s1-0")?.log.attach({ event: (_, text) => heard.push(text), end: () => heard.push("end") }, 0)
      exchange.end(200)
      assert.deepStrictEqual(heard, ["end"])
    }))
})

/** Gives the response to a client that never reads. */
const withRequest = async (run: (response: ServerResponse) => Promise<void>) => {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const socket = connect(port, "127.0.0.1").on("error", () => {}).pause()
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
  const [, response] = await once(server, "request") as [unknown, ServerResponse]
  await run(response)
  socket.destroy()
  server.closeAllConnections()
  server.close()
}
