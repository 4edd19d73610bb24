/**
 * The events of one legacy stream, kept so that a client that lost it can go on where
 * it was (2025-11-25, basic/transports, "Resumability and Redelivery"). Bounded: what
 * is evicted cannot be had again.
 */

/** Where events go right now. */
export interface Sink {
  readonly event: (id: string, text: string) => void
  readonly end: () => void
}

interface Kept {
  readonly number: number
  readonly text: string
}

export interface EventLog {
  /** Keeps an event and passes it on. */
  readonly append: (text: string) => void
  /** No more events come. */
  readonly finish: () => void
  /** Lets the client go; it will come back for the rest. */
  readonly pause: () => void
  /** Sends what came after event `after`, then whatever comes; a stream that was attached before ends. */
  readonly attach: (sink: Sink, after: number) => void
  /** The id that says "from the start", sent before any event. */
  readonly first: string
}

interface Keeping extends EventLog {
  /** Whether everything after event `after` is still there. */
  readonly hasAfter: (after: number) => boolean
  readonly size: () => number
  /** Evicts the oldest event, but never the newest one, which may be the answer; says whether there was one. */
  readonly evict: () => boolean
  /** Keeps nothing from now on; who listens still hears everything. */
  readonly forget: () => void
}

/** Most characters that the logs of one session keep. */
const KEPT = 2 * 1024 * 1024

const eventLog = (stream: string, grown: () => void): Keeping => {
  const kept: Array<Kept> = []
  let last = 0
  let size = 0
  let sink: Sink | undefined
  let isFinished = false
  let isKept = true
  const idOf = (number: number) => `${stream}-${number}`

  return {
    append: (text) => {
      const number = ++last
      sink?.event(idOf(number), text)
      if (!isKept) return
      kept.push({ number, text })
      size += text.length
      grown()
    },
    finish: () => {
      isFinished = true
      sink?.end()
      sink = undefined
    },
    pause: () => {
      sink?.end()
      sink = undefined
    },
    attach: (next, after) => {
      if (sink !== next) sink?.end()
      sink = next
      for (const { number, text } of kept) if (number > after) next.event(idOf(number), text)
      if (isFinished) next.end()
    },
    first: idOf(0),
    hasAfter: (after) => after >= last - kept.length,
    size: () => size,
    evict: () => {
      const oldest = kept.length > 1 ? kept.shift() : undefined
      size -= oldest?.text.length ?? 0
      return oldest !== undefined
    },
    forget: () => {
      isKept = false
      kept.length = 0
      size = 0
    }
  }
}

/** Most streams of one session that can be come back to. */
const STREAMS = 64

/** The logs of one session, oldest first. */
export class EventLogs {
  readonly #logs = new Map<string, Keeping>()
  #next = 0

  open(): EventLog {
    this.#close()
    const stream = `s${++this.#next}`
    const log = eventLog(stream, () => this.#evict())
    this.#logs.set(stream, log)
    return log
  }

  /** The log that an event id belongs to, and the number of that event; `undefined` when what came after it is not kept. */
  find(eventId: string): { readonly log: EventLog; readonly after: number } | undefined {
    const [, stream = "", number = ""] = /^(s\d{1,9})-(\d{1,9})$/u.exec(eventId) ?? []
    const log = this.#logs.get(stream)
    const after = Number(number)
    return log?.hasAfter(after) === true ? { log, after } : undefined
  }

  #size(): number {
    let size = 0
    for (const log of this.#logs.values()) size += log.size()
    return size
  }

  /** Lets the oldest streams go. */
  #close(): void {
    let size = this.#size()
    for (const [stream, log] of this.#logs) {
      if (size <= KEPT && this.#logs.size < STREAMS) return
      size -= log.size()
      log.forget()
      this.#logs.delete(stream)
    }
  }

  /** Lets the oldest events go. */
  #evict(): void {
    let size = this.#size()
    for (const log of this.#logs.values()) {
      while (size > KEPT) {
        const before = log.size()
        if (!log.evict()) break
        size -= before - log.size()
      }
    }
  }
}
