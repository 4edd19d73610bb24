/**
 * HTTP+SSE, the oldest way over HTTP: a GET opens the stream that carries every message to the
 * client, and its first event names the address for the client's own. The id in that address
 * is random, belongs to the principal that opened the stream, and opens nothing else.
 */
import { type Context, Effect } from "effect"
import { messagesPath } from "../manifest/Hosting.ts"
import type { Principal } from "../plugin/Auth.ts"
import { isSamePrincipal } from "../guard/Principals.ts"
import { admitBody } from "./Admission.node.ts"
import { type Channel, openChannel, type Running, sumOf } from "./Channel.ts"
import { type Handle, readBody, refuse } from "./Http.node.ts"
import { eventStream } from "./HttpExchange.node.ts"
import type { McpServices } from "./McpServices.ts"

/** Most streams at once. */
const STREAMS = 1000

interface Open {
  readonly principal: Principal
  readonly channel: Channel
  readonly end: () => void
}

export interface McpSse {
  /** What to do at each of its paths. */
  readonly routes: ReadonlyMap<string, Handle>
  /** Ends each stream once everything asked on it is answered. */
  readonly drain: Effect.Effect<void>
  readonly running: () => Running
}

export const makeSse = (context: Context.Context<McpServices>, path: string): McpSse => {
  const open = new Map<string, Open>()
  const messages = messagesPath(path)

  const stream: Handle = (request, response, { principal }) => {
    if (request.method !== "GET") return refuse(response, { status: 405, why: "A GET opens the stream, and its first event says where to post" }, { allow: "GET" })
    if (!acceptsEvents(request.headers.accept)) return refuse(response, { status: 406, why: "Accept must allow text/event-stream" })
    if (open.size >= STREAMS) return refuse(response, { status: 503, why: "Too many streams are open; try again later" }, { "retry-after": "1" })
    const id = crypto.randomUUID()
    const events = eventStream(response)
    const channel = openChannel(context, principal, {
      write: events.message,
      waiting: () => response.writableLength,
      // What waits is never read, so that an orderly end would keep it.
      close: () => response.destroy()
    })
    const end = () => {
      channel.end()
      events.end()
    }
    open.set(id, { principal, channel, end })
    response.once("close", () => {
      open.delete(id)
      channel.end()
    })
    events.named("endpoint", `${messages}?session=${id}`)
  }

  const post: Handle = (request, response, { principal }) => {
    if (request.method !== "POST") return refuse(response, { status: 405, why: "Messages are posted" }, { allow: "POST" })
    const found = open.get(sessionIn(request.url))
    if (found === undefined || !isSamePrincipal(found.principal, principal)) {
      return refuse(response, { status: 404, why: "This stream is not open (any more): open one anew" })
    }
    const refused = admitBody(request)
    if (refused !== undefined) return refuse(response, refused)
    readBody(request, response, (body) => {
      response.writeHead(202, { "content-length": 0 }).end()
      found.channel.receive(body)
    })
  }

  const drain = Effect.suspend(() =>
    Effect.forEach(open.values(), ({ channel, end }) => Effect.andThen(channel.drain, Effect.sync(end)), {
      concurrency: "unbounded",
      discard: true
    })
  )
  return { routes: new Map([[path, stream], [messages, post]]), drain, running: () => sumOf([...open.values()].map(({ channel }) => channel.running())) }
}

const acceptsEvents = (accept = "*/*"): boolean => accept.includes("text/event-stream") || accept.includes("*/*")

/** Empty where the address does not name one. */
const sessionIn = (url = ""): string => {
  const named = new URLSearchParams(url.slice(url.indexOf("?") + 1)).getAll("session")
  return named.length === 1 ? named[0] ?? "" : ""
}
