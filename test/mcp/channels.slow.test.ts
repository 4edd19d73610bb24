/** What HTTP+SSE and WebSocket refuse, how much a client can make the gateway hold, and how they end. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ClientOptions, WebSocket } from "ws"
import { eventually, fixtureGateway, type FixtureGateway, undisturbed } from "../kit/fixtures.ts"
import { peer, ways } from "../kit/peers.ts"
import { callText, exchange, post, raw, session } from "../kit/wire.ts"

const LIMIT = 4 * 1024 * 1024

const started = fixtureGateway([{ id: "old" }, { id: "canary" }], {
  args: ["--set", "hosting.transports.sse=true", "--set", "hosting.transports.websocket.path=/socket"]
})

describe("HTTP+SSE", () => {
  it.live("is refused to pages of other origins and under other names, for the stream as for a message", () =>
    Effect.gen(function*() {
      const { base, url } = yield* started
      const { host } = new URL(base)
      const { address } = yield* openStream(url)
      for (const path of ["GET /sse", `POST ${address}`]) {
        assert.match(yield* Effect.promise(() => exchange(url, lines(path, "Host: evil.example", "Connection: close"))), / 403 /u)
        assert.match(yield* Effect.promise(() => exchange(url, lines(path, `Host: ${host}`, "Origin: https://evil.example", "Connection: close"))), / 403 /u)
      }
      yield* openStream(url, `Origin: ${base}`)
    }).pipe(Effect.scoped))

  it.live("takes a message with the id of an open stream alone, and that id opens nothing else", () =>
    Effect.gen(function*() {
      const { base, url } = yield* started
      const own = yield* Effect.promise(() => session(url))
      const { address, socket } = yield* openStream(url)
      const id = address.split("=")[1] ?? ""
      const statusOf = (id: string) => Effect.promise(() => post(`${base}/sse/messages${id}`, PING).then(({ status }) => status))
      for (const guess of [`?session=${crypto.randomUUID()}`, `?session=${own.id}`, `?session=${id}&session=${id}`, "?session=", ""]) {
        assert.strictEqual(yield* statusOf(guess), 404, guess)
      }
      assert.strictEqual((yield* Effect.promise(() => post(url, PING, { "mcp-session-id": id }))).status, 404)
      assert.strictEqual(yield* statusOf(`?session=${id}`), 202)
      socket.destroy()
      yield* eventually("the stream is still open", statusOf(`?session=${id}`), (status) => status === 404)
    }).pipe(Effect.scoped))

  it.live("refuses a message that is too large or no JSON by its header, and another method than its own", () =>
    Effect.gen(function*() {
      const { base, url } = yield* started
      const { address } = yield* openStream(url)
      const to = base + address
      assert.strictEqual((yield* Effect.promise(() => post(to, "x".repeat(LIMIT + 1)))).status, 413)
      assert.strictEqual((yield* Effect.promise(() => post(to, PING, { "content-type": "text/plain" }))).status, 415)
      assert.strictEqual((yield* Effect.promise(() => post(`${base}/sse`, PING))).status, 405)
      assert.strictEqual((yield* Effect.promise(() => fetch(to))).status, 405)
      assert.strictEqual((yield* Effect.promise(() => fetch(`${base}/sse`, { headers: { accept: "application/json" } }))).status, 406)
    }).pipe(Effect.scoped))

  it.live("lets a client go that posts without reading its stream, at a bounded price", () =>
    Effect.gen(function*() {
      const gate = yield* started
      const { address, socket } = yield* openStream(gate.url)
      yield* Effect.promise(() => post(gate.base + address, INITIALIZE))
      socket.pause()
      const call = callText("old__big", `{"bytes":102400}`)
      const flood = eventually(
        "the client may still post",
        Effect.promise(() => post(gate.base + address, call).then(({ status }) => status)),
        (status) => status === 404
      )
      yield* undisturbed(gate, "canary", flood)
      assert.isBelow(yield* residentMegabytes(gate), 600)
    }).pipe(Effect.scoped))

  it.live("has room for 1000 streams, and refuses the next until one is gone", () =>
    Effect.gen(function*() {
      const { url } = yield* started
      const streams = yield* Effect.forEach(Array.from({ length: 1000 }), () => openStream(url), { concurrency: 50 })
      const { host } = new URL(url)
      const next = Effect.promise(() => {
        const one = raw(url)
        one.socket.write(lines("GET /sse", `Host: ${host}`))
        return one.until(/\r\n\r\n/u).finally(() => one.socket.destroy())
      })
      assert.match(yield* next, / 503 /u)
      streams[0]?.socket.destroy()
      yield* eventually("there is no room again", next, (text) => text.includes(" 200 "))
    }).pipe(Effect.scoped))
})

describe("a WebSocket", () => {
  it.live("is refused to pages of other origins and under other names, before the upgrade", () =>
    Effect.gen(function*() {
      const { base } = yield* started
      assert.strictEqual(yield* connect(base, { origin: "https://evil.example" }), 403)
      assert.strictEqual(yield* connect(base, { headers: { host: "evil.example" } }), 403)
      assert.strictEqual(yield* connect(base, { origin: base }), "open")
    }).pipe(Effect.scoped))

  it.live("needs the subprotocol mcp, its own path, and an upgrade", () =>
    Effect.gen(function*() {
      const { base } = yield* started
      assert.strictEqual(yield* connect(base, {}, []), 400)
      assert.strictEqual(yield* connect(base, {}, ["graphql-ws"]), 400)
      assert.strictEqual(yield* connect(base, {}, ["other", "mcp"]), "open")
      assert.notStrictEqual(yield* connect(base, {}, ["mcp"], "/mcp"), "open")
      assert.strictEqual((yield* Effect.promise(() => fetch(`${base}/socket`))).status, 426)
    }).pipe(Effect.scoped))

  it.live("is the only upgrade: a request that offers another one is answered as it is", () =>
    Effect.gen(function*() {
      const { url } = yield* started
      const head = ["Content-Type: application/json", `Content-Length: ${PING.length}`, "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
      const { socket, until } = raw(url)
      socket.write(`${lines("POST /mcp", `Host: ${new URL(url).host}`, "Connection: Upgrade, HTTP2-Settings", ...head)}${PING}`)
      const answer = yield* Effect.promise(() => until(/Mcp-Session-Id/u))
      assert.match(answer, /^HTTP\/1\.1 400 /u)
      socket.destroy()
    }).pipe(Effect.scoped))

  it.live("is closed at a binary frame, a frame beyond 4 MiB and one that is no UTF-8, each with its code", () =>
    Effect.gen(function*() {
      const { base } = yield* started
      const closedBy = (frame: Buffer, binary: boolean) =>
        Effect.promise(() =>
          new Promise<number>((closed) => {
            const socket = new WebSocket(`${base.replace("http", "ws")}/socket`, "mcp")
            socket.on("open", () => socket.send(frame, { binary }))
            socket.on("close", closed)
          })
        )
      assert.strictEqual(yield* closedBy(Buffer.from(PING), true), 1003)
      assert.strictEqual(yield* closedBy(Buffer.alloc(LIMIT + 1, "x"), false), 1009)
      assert.strictEqual(yield* closedBy(Buffer.from([0x22, 0xff, 0x22]), false), 1007)
    }).pipe(Effect.scoped))

  it.live("lets a client go that sends 10,000 calls and reads no answer, at a bounded price", () =>
    Effect.gen(function*() {
      const gate = yield* started
      const flood = Effect.promise(() =>
        new Promise<number>((closed) => {
          const socket = new WebSocket(`${gate.base.replace("http", "ws")}/socket`, "mcp")
          socket.on("error", () => {})
          socket.on("close", closed)
          socket.on("open", () => {
            socket.send(INITIALIZE)
            socket.pause()
            for (let id = 1; id <= 10_000; id++) socket.send(callText("old__big", `{"bytes":102400}`, String(id)))
          })
          // What was cut off is noticed by writing alone.
          const timer = setInterval(() => socket.ping(() => {}), 100)
          socket.on("close", () => clearInterval(timer))
        })
      )
      yield* undisturbed(gate, "canary", flood)
      assert.isBelow(yield* residentMegabytes(gate), 600)
    }).pipe(Effect.scoped))

  it.live("answers each of 10,000 messages of a client that reads", () =>
    Effect.gen(function*() {
      const { base } = yield* started
      const answers = yield* Effect.promise(() =>
        new Promise<number>((done) => {
          const socket = new WebSocket(`${base.replace("http", "ws")}/socket`, "mcp")
          let count = 0
          socket.on("open", () => {
            socket.send(INITIALIZE)
            for (let id = 1; id <= 10_000; id++) socket.send(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)
          })
          socket.on("message", () => {
            if (++count <= 10_000) return
            socket.close()
            done(count)
          })
        })
      )
      assert.strictEqual(answers, 10_001)
    }).pipe(Effect.scoped))
})

describe("a gateway that stops", () => {
  for (const way of ways.filter(({ name }) => name === "HTTP+SSE" || name === "WebSocket")) {
    it.live(`answers over ${way.name} what was asked, and then says goodbye`, () =>
      Effect.gen(function*() {
        const gate = yield* fixtureGateway([{ id: "old" }], {
          args: ["--set", "hosting.transports.sse=true", "--set", "hosting.transports.websocket=true"]
        })
        const client = yield* peer(way, gate)
        client.send(INITIALIZE)
        yield* Effect.promise(() => client.said(/"id":0/u))
        client.send(callText("old__slow", `{"millis":1000}`, "1"))
        yield* eventually("the call did not arrive", Effect.sync(() => gate.received("old")), (lines) => lines.some((line) => line.includes(`"slow"`)))
        const code = gate.stop()
        assert.include(yield* Effect.promise(() => client.said(/"id":1\}$/u)), "late")
        assert.strictEqual(yield* Effect.promise(() => client.over), way.name === "WebSocket" ? "1001 The gateway is stopping" : "ended")
        assert.strictEqual(yield* Effect.promise(() => code), 0)
      }).pipe(Effect.scoped))
  }
})

const PING = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
const INITIALIZE = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

const lines = (target: string, ...headers: ReadonlyArray<string>) => [`${target} HTTP/1.1`, ...headers, "", ""].join("\r\n")

/** A stream that is open, with the address that it names; gone with the scope. */
const openStream = (url: string, ...headers: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { socket, until } = raw(url)
      socket.write(lines("GET /sse", `Host: ${new URL(url).host}`, "Accept: text/event-stream", ...headers))
      const text = await until(/event: endpoint\ndata: \S+\n\n/u)
      return { socket, address: /data: (\S+)/u.exec(text)?.[1] ?? "" }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** `open`, or the status that the upgrade was refused with. */
const connect = (base: string, options: ClientOptions, protocols: ReadonlyArray<string> = ["mcp"], path = "/socket") =>
  Effect.promise(() =>
    new Promise<number | "open" | undefined>((done) => {
      const socket = new WebSocket(base.replace("http", "ws") + path, [...protocols], options)
      socket.on("error", () => {})
      socket.on("unexpected-response", (_, { statusCode }) => {
        done(statusCode)
        socket.terminate()
      })
      socket.on("open", () => {
        done("open")
        socket.close()
      })
    })
  )

/** The most memory that the gateway has had so far. */
const residentMegabytes = ({ pid }: FixtureGateway) =>
  Effect.sync(() => Number(/VmHWM:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024)
