/**
 * HTTP+SSE of revision 2024-11-05: one GET stream carries every message of the
 * server, and its first event names the address to POST to.
 */
import { Effect, Schema } from "effect"
import type { Dispatcher, Pool } from "undici"
import { eventReader } from "./EventStream.ts"
import type { Endpoint } from "./Http.node.ts"
import { reasonOf } from "./HttpAnswer.ts"
import { MESSAGE_LIMIT, type Outgoing, type Receiver, type Transport } from "./Transport.ts"

/** The server offers no such stream. */
export class NoStream extends Schema.TaggedError<NoStream>()("NoStream", { detail: Schema.String }) {}

/** Opens the stream and waits for its `endpoint` event; the stream closes with `abort`. */
export const sseTransport = (
  endpoint: Endpoint,
  pool: Pool,
  receiver: Receiver
): Effect.Effect<Transport, NoStream> =>
  Effect.callback((resume) => {
    let stream: Dispatcher.DispatchController | undefined
    let opened = false
    const abort = () => stream?.abort(new Error("closed"))

    const event = (type: string, data: Buffer) => {
      if (type !== "endpoint") return receiver.message(data, undefined)
      const target = addressOf(data.toString("utf8"), endpoint.url)
      if (target === undefined) return resume(Effect.fail(new NoStream({ detail: "named an address of another origin" })))
      opened = true
      resume(Effect.succeed({ ...posting(endpoint, target, pool, receiver), close: abort }))
    }
    const ended = (detail: string) => opened ? receiver.closed(detail) : resume(Effect.fail(new NoStream({ detail })))

    let feed: ((chunk: Buffer) => void) | undefined
    pool.dispatch({
      origin: endpoint.url.origin,
      path: endpoint.url.pathname + endpoint.url.search,
      method: "GET",
      headers: { ...endpoint.headers, accept: "text/event-stream" }
    }, {
      onRequestStart: (controller) => {
        stream = controller
      },
      onResponseStart: (controller, status, headers) => {
        const type = String(headers["content-type"])
        if (status !== 200 || !type.startsWith("text/event-stream")) {
          return ended(`answered the request for an event stream with HTTP status ${status}`)
        }
        feed = eventReader(MESSAGE_LIMIT, (found) => event(found.event, found.data), () => controller.abort(new Error("too large")))
      },
      onResponseData: (_, chunk) => feed?.(chunk),
      onResponseEnd: () => ended("ended its event stream"),
      onResponseError: (_, error) => ended(reasonOf(error))
    })
    return Effect.sync(abort)
  })

/** The address to POST to; it must be of the stream's own origin, since credentials go there. */
const addressOf = (text: string, base: URL): URL | undefined => {
  const url = URL.parse(text, base.href)
  return url !== null && url.origin === base.origin ? url : undefined
}

const posting = (endpoint: Endpoint, target: URL, pool: Pool, receiver: Receiver): Transport => ({
  kind: "sse",
  send: ({ headers, id, text }: Outgoing) => {
    const failed = (detail: string) => id === undefined ? undefined : receiver.failed(id, { kind: "unreachable", detail })
    pool.dispatch({
      origin: target.origin,
      path: target.pathname + target.search,
      method: "POST",
      headers: { ...endpoint.headers, "content-type": "application/json", ...headers },
      body: text,
      // The answer comes on the stream; the POST itself is only taken.
      headersTimeout: 30_000,
      bodyTimeout: 30_000
    }, {
      // Without it undici takes this for a handler of its older kind.
      onRequestStart: () => {},
      onResponseStart: (_, status) => {
        if (status >= 300 && id !== undefined) {
          receiver.failed(id, { kind: "status", detail: `answered with HTTP status ${status}`, status })
        }
      },
      onResponseData: () => {},
      onResponseEnd: () => {},
      onResponseError: (_, error) => failed(reasonOf(error))
    })
  },
  forget: () => {},
  openStream: (opened) => opened(),
  agreed: () => {},
  close: () => {}
})
