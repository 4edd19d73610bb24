/**
 * One conversation with a backend: gives each request an id of its own, finds the
 * request that a message belongs to, and hands results on as the bytes they were.
 */
import { members, valueOf, withValue } from "../lib/Json.ts"
import { type Call, type Era, legacyText, modernHeaders, modernText } from "./Era.ts"
import { type Incoming, isOfBackend, readMessage, subscriptionOf, type WireError } from "./Message.ts"
import { progressIn } from "./Progress.ts"
import type { Failure, Receiver, Transport } from "./transport/Transport.ts"

/** What a backend answered. */
export type Reply =
  | { readonly kind: "result"; readonly result: Buffer; readonly era: Era }
  | { readonly kind: "error"; readonly error: WireError; readonly era: Era }

export type Answer = Reply | { readonly kind: "failed"; readonly failure: Failure }

/** A request of the backend to the client (elicitation, sampling, roots), waiting for its answer. */
export interface Question {
  readonly method: string
  /** JSON text of `params`, or `undefined`. */
  readonly params: string | undefined
  /** Sends `"result":...` or `"error":...`, JSON text of that one member. */
  readonly answer: (member: string) => void
}

/** What the caller of one request wants to hear. All of it comes before `done`, in the order it was sent. */
export interface Listener {
  /** A notification that belongs to the request, progress with the caller's own token. */
  readonly notify: (text: string) => void
  readonly log: (text: string) => void
  /** The backend let its connection go and goes on working; the rest comes later. */
  readonly paused?: () => void
  /** Absent when the caller cannot be asked. */
  readonly ask?: (question: Question) => void
  readonly done: (answer: Answer) => void
}

/** What a backend says on its own account. */
export interface Observer {
  readonly notified: (method: string, text: string) => void
  readonly closed: (why: string) => void
  readonly garbage: () => void
  /** Asks the client outside of any call; says whether it has a way to. */
  readonly asked?: (question: Question) => boolean
  /**
   * One call at a time can be asked here: a question that names no call is that call's, or that of the next one.
   * Where it is not set, such a question is nobody's.
   */
  readonly asksOnlyCall?: boolean
}

interface Pending {
  readonly listener: Listener
  /** Nothing belongs to it but what names it. */
  readonly isOwn: boolean
  readonly progressToken: string | undefined
  /** The last progress that was passed on; it has to increase (basic/utilities/progress). */
  progress: number
}

const ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

/** How long, in milliseconds, what is on its way may still be answered when nothing more can be sent. */
const LAST_WORDS = 1000

/** Most questions that wait for a call to be asked in. */
const EARLY = 16

const NOT_ASKABLE = `"error":{"code":-32601,"message":"The client of this call cannot be asked through this connection"}`

export class Connection {
  era: Era = "legacy"
  /** How many calls of clients it has been given, and how many messages have come from the backend. */
  calls = 0
  heard = 0
  readonly #pending = new Map<number, Pending>()
  readonly #observer: Observer
  #transport: Transport | undefined
  /** Questions that came before the call they are asked in, such as a server's first one for roots. */
  #early: Array<Question> = []
  #next = 1
  #closed = false
  #hasAbandoned = false
  /** Why nothing more can be sent; set while what is on its way may still be answered. */
  #retired: string | undefined

  constructor(observer: Observer) {
    this.#observer = observer
  }

  /** What the transport reports to. */
  readonly receiver: Receiver = {
    message: (bytes, origin) => {
      this.heard++
      this.#message(readMessage(bytes), origin)
      return origin !== undefined && !this.#pending.has(origin)
    },
    paused: (id) => this.#pending.get(id)?.listener.paused?.(),
    failed: (id, failure) => this.#finish(id, { kind: "failed", failure }),
    lost: (why) => this.#retire(why),
    closed: (why) => this.close(why)
  }

  attach(transport: Transport): void {
    this.#transport = transport
  }

  get transport(): Transport | undefined {
    return this.#transport
  }

  /** How many calls of clients wait for their answers. */
  get inFlight(): number {
    let count = 0
    for (const { isOwn } of this.#pending.values()) if (!isOwn) count++
    return count
  }

  /** Whether a call was given up that the backend may still be busy with. */
  get hasAbandoned(): boolean {
    return this.#hasAbandoned
  }

  get isClosed(): boolean {
    return this.#closed || this.#retired !== undefined
  }

  /** Sends a request; the function it gives stops it and tells the backend in the way of its era. */
  call(call: Call, listener: Listener): () => void {
    const id = this.#next++
    if (call.isOwn !== true) this.calls++
    this.#pending.set(id, { listener, isOwn: call.isOwn === true, progressToken: call.progressToken, progress: Number.NEGATIVE_INFINITY })
    const modern = this.era === "modern"
    if (this.isClosed || this.#transport === undefined) {
      this.#finish(id, { kind: "failed", failure: { kind: "closed", detail: "the connection is closed", isUnsent: true } })
    } else if (modern) this.#transport.send({ id, text: modernText(call, id), headers: modernHeaders(call) })
    else this.#transport.send({ id, text: legacyText(call, id), headers: call.headers })
    if (listener.ask !== undefined) for (const question of this.#early.splice(0)) listener.ask(question)
    return () => this.#cancel(id)
  }

  notify(method: string, params: string): void {
    this.#transport?.send({
      id: undefined,
      text: `{"jsonrpc":"2.0","method":"${method}"${params === "" ? "" : `,"params":${params}`}}`,
      headers: {}
    })
  }

  /** Ends the conversation; every request in flight fails with `why`. */
  close(why: string): void {
    if (this.#closed) return
    this.#closed = true
    for (const id of [...this.#pending.keys()]) this.#finish(id, { kind: "failed", failure: { kind: "closed", detail: why } })
    this.#observer.closed(why)
  }

  #retire(why: string): void {
    if (this.isClosed) return
    this.#retired = why
    if (this.#pending.size === 0) this.close(why)
    else setTimeout(() => this.close(why), LAST_WORDS)
  }

  #cancel(id: number): void {
    if (!this.#pending.delete(id)) return
    this.#hasAbandoned = true
    this.#transport?.forget(id)
    // Over modern HTTP the aborted exchange is the cancellation; everywhere else it is said.
    if (this.era === "modern" && this.#transport?.kind === "http") return
    this.notify("notifications/cancelled", `{"requestId":${id},"reason":"cancelled by the caller"}`)
  }

  #finish(id: number, answer: Answer): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    pending.listener.done(answer)
    if (this.#retired !== undefined && this.#pending.size === 0) this.close(this.#retired)
  }

  #message(message: Incoming, origin: number | undefined): void {
    switch (message.kind) {
      case "result":
        return this.#finish(message.id, { kind: "result", result: message.result, era: this.era })
      case "error":
        return this.#finish(Number.isNaN(message.id) && origin !== undefined ? origin : message.id, { ...message, era: this.era })
      case "notification":
        return this.#notification(message.method, message.text, origin)
      case "request":
        return this.#question(message, origin)
      case "garbage":
        return this.#observer.garbage()
    }
  }

  #notification(method: string, text: string, origin: number | undefined): void {
    if (method === "notifications/progress") return this.#progress(text)
    if (method === ACKNOWLEDGED) return this.#pending.get(origin ?? subscriptionOf(text))?.listener.notify(text)
    const pending = this.#originOf(origin)
    if (method === "notifications/message") return pending?.listener.log(text)
    if (origin !== undefined && pending !== undefined && !isOfBackend(method)) return pending.listener.notify(text)
    this.#observer.notified(method, text)
  }

  /** The request a message belongs to: that of its stream, else the only one in flight. */
  #originOf(origin: number | undefined): Pending | undefined {
    if (origin !== undefined) return this.#pending.get(origin)
    let only: Pending | undefined
    for (const pending of this.#pending.values()) {
      if (pending.isOwn) continue
      if (only !== undefined) return undefined
      only = pending
    }
    return only
  }

  #progress(text: string): void {
    const said = progressIn(text)
    if (said === undefined) return
    const { token, value } = said
    const pending = this.#pending.get(Number(text.slice(token.start, token.end)))
    if (pending?.progressToken === undefined || value <= pending.progress) return
    pending.progress = value
    pending.listener.notify(withValue(text, token, pending.progressToken))
  }

  #question(message: Incoming & { readonly kind: "request" }, origin: number | undefined): void {
    const answer = (member: string) =>
      this.#transport?.send({ id: undefined, text: `{"jsonrpc":"2.0","id":${message.id},${member}}`, headers: {} })
    if (message.method === "ping") return answer(`"result":{}`)
    const found = members(message.text) ?? []
    const question: Question = { method: message.method, params: valueOf(message.text, found, "params"), answer }
    const ask = this.#askerOf(origin)
    if (ask !== undefined) return ask(question)
    if (origin === undefined && this.#observer.asked?.(question) === true) return
    if (this.#observer.asksOnlyCall === true && this.#early.length < EARLY) this.#early.push(question)
    else answer(NOT_ASKABLE)
  }

  #askerOf(origin: number | undefined): Listener["ask"] {
    if (origin !== undefined) return this.#pending.get(origin)?.listener.ask
    if (this.#observer.asksOnlyCall !== true) return undefined
    for (const { listener } of this.#pending.values()) if (listener.ask !== undefined) return listener.ask
    return undefined
  }
}
