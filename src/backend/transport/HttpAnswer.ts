/** Reads one HTTP answer of a backend: one JSON body or a stream of events, into messages and at most one failure. */
import type { IncomingHttpHeaders } from "node:http"
import type { Dispatcher } from "undici"
import { collected } from "./Body.ts"
import { eventReader, type Position } from "./EventStream.ts"
import { type Failure, MESSAGE_LIMIT, type Receiver } from "./Transport.ts"

export interface Reading {
  /** The request that the messages belong to. */
  readonly origin: number | undefined
  readonly position: Position
  readonly receiver: Receiver
  readonly session: (value: string) => void
  /** The answer has begun. */
  readonly begun?: () => void
}

/** Handlers that turn one HTTP answer into messages and, at its end, at most one failure. */
export const reading = (
  { begun, origin, position, receiver, session }: Reading,
  ended: (controller: Dispatcher.DispatchController, failure: Failure | undefined) => void
) => {
  let status = 0
  let challenge: string | undefined
  let feed: ((chunk: Buffer) => void) | undefined
  let finish: () => boolean = () => false
  let tooLarge = false
  let type = ""

  const onResponseStart = (controller: Dispatcher.DispatchController, code: number, headers: IncomingHttpHeaders) => {
    status = code
    begun?.()
    challenge = headers["www-authenticate"]
    const given = headers["mcp-session-id"]
    if (typeof given === "string" && code < 300) session(given)
    const overflow = () => {
      tooLarge = true
      controller.abort(new Error("too large"))
    }
    type = headers["content-type"] ?? ""
    if (type.startsWith("text/event-stream")) {
      // A stream may end after some notifications without the answer, which is then still due.
      let isAnswered = false
      feed = eventReader(MESSAGE_LIMIT, ({ data }) => {
        isAnswered = receiver.message(data, origin)
      }, overflow, position)
      finish = () => isAnswered
    } else {
      const body = collected(overflow)
      feed = body.feed
      finish = () => type.startsWith("application/json") && body.deliver((bytes) => receiver.message(bytes, origin))
    }
  }

  const failure = (): Failure | undefined => {
    if (tooLarge) return { kind: "too_large", detail: `sent a message of more than ${MESSAGE_LIMIT} bytes` }
    // What stands in a refusal of the credential is for whoever got it (RFC 6750, 3.1), and no answer to the caller.
    const isRefusal = status === 401 || status === 403
    const delivered = !isRefusal && finish()
    if (status >= 300) {
      const failed: Failure = { kind: "status", detail: `answered with HTTP status ${status}`, status }
      return challenge === undefined ? failed : { ...failed, challenge }
    }
    return delivered && origin !== undefined ? undefined : { kind: "stream_ended", detail: unansweredFor(type) }
  }

  return {
    onResponseStart,
    onResponseData: (_: Dispatcher.DispatchController, chunk: Buffer) => feed?.(chunk),
    onResponseEnd: (controller: Dispatcher.DispatchController) => ended(controller, failure()),
    onResponseError: (controller: Dispatcher.DispatchController, error: Error) =>
      ended(controller, tooLarge ? failure() : {
        kind: status === 0 ? "unreachable" : "stream_ended",
        detail: reasonOf(error),
        isAway: status === 0 && "code" in error && AWAY.has(String(error.code))
      })
  }
}

/** What of the system or undici says that nobody is at the address. */
const AWAY = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"])

const unansweredFor = (type: string): string =>
  type.startsWith("application/json") || type.startsWith("text/event-stream")
    ? "ended its answer without a result"
    : `answered with ${type === "" ? "no content" : JSON.stringify(type.slice(0, 60))}, which is no MCP message`

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "does not listen at its address"],
  ["ENOTFOUND", "has an address that does not exist"],
  ["UND_ERR_CONNECT_TIMEOUT", "does not take connections"],
  ["UND_ERR_SOCKET", "closed the connection"],
  ["ECONNRESET", "closed the connection"]
])

/** What went wrong, from the codes of the system or undici; no address and no body. */
export const reasonOf = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : "no code"
  return `${WORDS.get(code) ?? "could not be reached"} (${code})`
}
