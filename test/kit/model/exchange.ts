/** One HTTP request whose answer is read message by message, as JSON or as an event stream, and which can be broken off. */
import { Agent, request } from "node:http"

/** A JSON-RPC message as this client reads it. */
export interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly message: string }
}

export interface Sending {
  readonly method?: "POST" | "GET" | "DELETE"
  readonly headers: Readonly<Record<string, string>>
  readonly body?: object
  readonly heard: (message: Message) => void
}

export interface Exchange {
  /** The status when the answer begins; 0 when there was none. */
  readonly status: Promise<number>
  readonly headers: () => Readonly<Record<string, unknown>>
  /** Whether it ended by itself; false when it was broken off or torn. */
  readonly ended: Promise<boolean>
  readonly lastEventId: () => string | undefined
  readonly abort: () => void
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

const json = { "content-type": "application/json", accept: "text/event-stream, application/json" }

export const exchange = (url: string, { body, headers, heard, method = "POST" }: Sending): Exchange => {
  const sent = request(url, { method, agent, headers: { ...json, ...headers } })
  let answered: Readonly<Record<string, unknown>> = {}
  let lastEventId: string | undefined
  const begun = Promise.withResolvers<number>()
  const over = Promise.withResolvers<boolean>()
  const gone = () => {
    begun.resolve(0)
    over.resolve(false)
  }
  sent.on("error", gone)
  sent.on("close", gone)
  sent.on("response", (response) => {
    answered = response.headers
    begun.resolve(response.statusCode ?? 0)
    const isStream = response.headers["content-type"] === "text/event-stream"
    let text = ""
    const event = (block: string) => {
      const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trimStart()]))
      lastEventId = fields.get("id") ?? lastEventId
      const data = fields.get("data") ?? ""
      if (data !== "") heard(JSON.parse(data))
    }
    response.setEncoding("utf8")
    response.on("error", gone)
    response.on("data", (part: string) => {
      text += part
      if (!isStream) return
      const blocks = text.split("\n\n")
      text = blocks.pop() ?? ""
      for (const block of blocks) event(block)
    })
    response.on("end", () => {
      if (!isStream && text !== "") heard(JSON.parse(text))
      over.resolve(true)
    })
  })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  return {
    status: begun.promise,
    headers: () => answered,
    ended: over.promise,
    lastEventId: () => lastEventId,
    abort: () => sent.destroy()
  }
}
