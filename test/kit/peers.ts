/**
 * A client of a gateway on each of its ways in, message by message as it is written: for
 * what no client library would send, or would show.
 */
import { spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { type FixtureGateway, whenReady } from "./fixtures.ts"
import { temporaryDirectory } from "./gateway.ts"
import { MAIN } from "./main.ts"

export interface Peer {
  readonly send: (text: string) => void
  /** Stops a request in the way of this transport and era. */
  readonly cancel: (id: number) => void
  /** Every message that came so far, in order. */
  readonly heard: ReadonlyArray<string>
  /** Waits for a message that matches, and gives it. */
  readonly said: (pattern: RegExp) => Promise<string>
  /** Goes away without a word. */
  readonly leave: () => void
  /** How the gateway ended a shared channel; stays open where there is none. */
  readonly over: Promise<string>
  /** Where the gateway ends with its client: that it has. */
  readonly ended?: Promise<unknown>
}

/** What is needed of a gateway to reach it. */
export type Gate = Pick<FixtureGateway, "base" | "manifest" | "url">

export interface Way {
  readonly name: string
  /** Whether everything shares one channel, whose end is the end of what was asked on it. */
  readonly isChannel: boolean
  readonly open: (gate: Gate) => Promise<Peer>
}

const inbox = () => {
  const heard: Array<string> = []
  const looking = new Set<() => void>()
  const take = (text: string) => {
    heard.push(text)
    for (const look of looking) look()
  }
  const said = (pattern: RegExp) =>
    new Promise<string>((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`nothing matched ${pattern} in ${heard.join("\n").slice(-2000)}`)), 20_000)
      const look = () => {
        const found = heard.find((text) => pattern.test(text))
        if (found === undefined) return
        clearTimeout(timer)
        looking.delete(look)
        done(found)
      }
      looking.add(look)
      look()
    })
  return { heard, take, said }
}

const cancelling = (id: number) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`

/** Hands on each event of a stream until it ends. */
export const events = async (response: Response, heard: (event: string, data: string) => void): Promise<void> => {
  const decoder = new TextDecoder()
  let text = ""
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true })
    const whole = text.split("\n\n")
    text = whole.pop() ?? ""
    for (const one of whole) {
      const lines = one.split("\n")
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6)
      if (data !== undefined && data !== "") heard(lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "message", data)
    }
  }
}

const streamableHttp = async ({ url }: Gate): Promise<Peer> => {
  const box = inbox()
  const gone = new AbortController()
  const modern = new Map<number, AbortController>()
  let session: Readonly<Record<string, string>> = {}
  const read = (response: Response) =>
    response.headers.get("content-type")?.startsWith("text/event-stream") === true
      ? events(response, (_, data) => box.take(data))
      : response.text().then((text) => text === "" ? undefined : box.take(text))
  const listen = async () => read(await fetch(url, { headers: { accept: "text/event-stream", ...session }, signal: gone.signal }))
  const send = async (text: string) => {
    const one = new AbortController()
    const headers = headersFor(text)
    if (headers.id !== undefined) modern.set(headers.id, one)
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers.modern ?? session },
      body: text,
      signal: AbortSignal.any([gone.signal, one.signal])
    })
    const id = response.headers.get("mcp-session-id")
    if (id !== null) {
      session = { "mcp-session-id": id }
      listen().catch(() => {})
    }
    await read(response)
  }
  const quietly = (text: string) => void send(text).catch(() => {})
  return { ...box, send: quietly, cancel: (id) => modern.get(id)?.abort() ?? quietly(cancelling(id)), leave: () => gone.abort(), over: new Promise(() => {}) }
}

/** The headers that repeat a modern message. */
const headersFor = (text: string) => {
  try {
    const { id, method, params } = JSON.parse(text)
    const version = params?._meta?.["io.modelcontextprotocol/protocolVersion"]
    if (version === undefined) return {}
    return { id: Number(id), modern: { "mcp-protocol-version": version, "mcp-method": method, ...(params.name === undefined ? {} : { "mcp-name": params.name }) } }
  } catch {
    return {}
  }
}

const sse = async ({ base }: Gate): Promise<Peer> => {
  const box = inbox()
  const gone = new AbortController()
  const address = Promise.withResolvers<string>()
  const response = await fetch(`${base}/sse`, { headers: { accept: "text/event-stream" }, signal: gone.signal })
  const over = events(response, (event, data) => event === "endpoint" ? address.resolve(new URL(data, base).href) : box.take(data))
    .then(() => "ended", () => "cut off")
  const url = await address.promise
  const send = (text: string) =>
    void fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: text }).then((answer) => {
      if (answer.status !== 202) box.take(`status ${answer.status}`)
    }, () => {})
  return { ...box, send, cancel: (id) => send(cancelling(id)), leave: () => gone.abort(), over }
}

const webSocket = async ({ base }: Gate): Promise<Peer> => {
  const box = inbox()
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws`, "mcp")
  socket.addEventListener("message", ({ data }) => box.take(String(data)))
  await new Promise((open, failed) => {
    socket.addEventListener("open", open)
    socket.addEventListener("error", failed)
  })
  const over = new Promise<string>((closed) => socket.addEventListener("close", ({ code, reason }) => closed(`${code} ${reason}`)))
  const send = (text: string) => socket.send(text)
  return { ...box, send, cancel: (id) => send(cancelling(id)), leave: () => socket.close(), over }
}

/** A second gateway with the same manifest, which has this client on its standard streams. */
const stdio = async ({ manifest }: Gate): Promise<Peer> => {
  const box = inbox()
  const data = temporaryDirectory("stdio-")
  const arguments_ = ["serve", "--manifest", manifest, "--port", "0", "--set", "hosting.transports.stdio=true", "--set", `hosting.data_directory=${data}`]
  const child = spawn("node", [MAIN, ...arguments_], { stdio: ["pipe", "pipe", "pipe"] })
  const ended = new Promise((gone) => child.once("exit", gone)).finally(() => rmSync(data, { recursive: true, force: true }))
  createInterface({ input: child.stdout }).on("line", box.take)
  const url = await new Promise<string>((listening, failed) => {
    let text = ""
    child.stderr.on("data", (part: Buffer) => {
      text += part.toString()
      const found = /listening on (http:\/\/[^\s"]+)/u.exec(text)?.[1]
      if (found !== undefined) listening(found)
    })
    child.once("exit", () => failed(new Error(text)))
  })
  await Effect.runPromise(whenReady(new URL(url).origin, ["old", "new", "watched"]))
  const send = (text: string) => void child.stdin.write(`${text}\n`)
  return { ...box, send, cancel: (id) => send(cancelling(id)), leave: () => child.stdin.end(), over: new Promise(() => {}), ended }
}

export const ways: ReadonlyArray<Way> = [
  { name: "Streamable HTTP", isChannel: false, open: streamableHttp },
  { name: "HTTP+SSE", isChannel: true, open: sse },
  { name: "WebSocket", isChannel: true, open: webSocket },
  { name: "stdio", isChannel: true, open: stdio }
]

/** Scoped: the client goes away with the scope. */
export const peer = (way: Way, gate: Gate) =>
  Effect.acquireRelease(Effect.promise(() => way.open(gate)), ({ leave }) => Effect.sync(leave))
