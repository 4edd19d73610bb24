/**
 * The events of one legacy stream, kept so that a client that lost it can go on where
 * it was (2025-11-25, basic/transports, "Resumability and Redelivery"). Bounded: what
 * is evicted cannot be had again, and asking for it is answered so.
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
  /** Sends what came after event `after`, then whatever comes. */
  readonly attach: (sink: Sink, after: number) => void
  /** The id that says "from the start", sent before any event. */
  readonly first: string
  readonly size: () => number
}

/** Most characters that the logs of one session keep. */
const KEPT = 2 * 1024 * 1024

const eventLog = (stream: string): EventLog => {
  const kept: Array<Kept> = []
  let size = 0
  let sink: Sink | undefined
  let isFinished = false
  const idOf = (number: number) => `${stream}-${number}`

  return {
    append: (text) => {
      const number = kept.length + 1
      kept.push({ number, text })
      size += text.length
      sink?.event(idOf(number), text)
    },
    finish: () => {
      isFinished = true
      sink?.end()
    },
    pause: () => {
      sink?.end()
      sink = undefined
    },
    attach: (next, after) => {
      sink = next
      for (const { number, text } of kept) if (number > after) next.event(idOf(number), text)
      if (isFinished) next.end()
    },
    first: idOf(0),
    size: () => size
  }
}

/** The logs of one session, oldest first. */
export class EventLogs {
  readonly #logs = new Map<string, EventLog>()
  #next = 0

  open(): EventLog {
    this.#evict()
    const stream = `s${++this.#next}`
    const log = eventLog(stream)
    this.#logs.set(stream, log)
    return log
  }

  /** The log that an event id belongs to, and the number of that event. */
  find(eventId: string): { readonly log: EventLog; readonly after: number } | undefined {
    const [, stream = "", number = ""] = /^(s\d{1,9})-(\d{1,9})$/u.exec(eventId) ?? []
    const log = this.#logs.get(stream)
    return log === undefined ? undefined : { log, after: Number(number) }
  }

  #evict(): void {
    let size = 0
    for (const log of this.#logs.values()) size += log.size()
    for (const [stream, log] of this.#logs) {
      if (size <= KEPT && this.#logs.size < 64) return
      size -= log.size()
      this.#logs.delete(stream)
    }
  }
}
