/** What the randomised test expects, as the operations build it up, and every promise that was broken. */
import { call, statusOf, until } from "../calls.ts"
import type { Outcome, Peer } from "./peer.ts"

export interface Backend {
  readonly id: string
  readonly era: "legacy" | "modern"
  readonly transport: "stdio" | "http"
}

export const BACKENDS: ReadonlyArray<Backend> = (["legacy", "modern"] as const).flatMap((era) =>
  (["stdio", "http"] as const).map((transport) => ({ id: `${era}-${transport}`, era, transport }))
)

/** A legacy server on stdio cannot say which call a question belongs to. */
export const canAsk = ({ era, transport }: Backend): boolean => era === "modern" || transport === "http"

/** The same numbers for the same seed (mulberry32). */
export const randomFrom = (seed: number) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return {
    upTo: (most: number) => Math.floor(next() * (most + 1)),
    one: <A>(of: ReadonlyArray<A>): A => {
      const found = of[Math.floor(next() * of.length)]
      if (found === undefined) throw new Error("one of none")
      return found
    }
  }
}

export type Random = ReturnType<typeof randomFrom>

/** A time in which a server was down or replaced; without an end it still is. */
interface Trouble {
  readonly server: string
  readonly kind: "crash" | "reload"
  readonly from: number
  to: number
}

export interface Subscribed {
  readonly peer: Peer
  readonly uri: string
  readonly stop: () => Promise<void>
}

/** Longest wait, in seconds, for the end of any call and for a notification. */
const PATIENCE = 15

export class World {
  readonly broken: Array<string> = []
  readonly peers = new Set<Peer>()
  readonly subscribed = new Set<Subscribed>()
  readonly done = new Map<string, number>()
  readonly #troubles: Array<Trouble> = []
  readonly url: string
  readonly #began = performance.now()

  constructor(url: string) {
    this.url = url
  }

  readonly odd = (what: string): void => {
    this.broken.push(`${Math.round(performance.now() - this.#began)} ms: ${what}`)
  }

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1)
  }

  /** Whether the server was in such trouble at any time since. */
  wasIn(server: string, since: number, kinds: ReadonlyArray<Trouble["kind"]>): boolean {
    return this.#troubles.some((one) => one.server === server && kinds.includes(one.kind) && one.to >= since)
  }

  async trouble(server: string, kind: Trouble["kind"], run: () => Promise<unknown>): Promise<void> {
    const one: Trouble = { server, kind, from: performance.now(), to: Infinity }
    this.#troubles.push(one)
    await run()
    one.to = performance.now()
  }

  async ends(what: string, outcome: Promise<Outcome>): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => resolve({ kind: "lost", text: `no end within ${PATIENCE} s`, progress: [] }), PATIENCE * 1000)
    })
    const first = await Promise.race([outcome, late])
    clearTimeout(timer)
    if (first.kind === "lost") this.odd(`${what} did not end: ${first.text}; troubles: ${this.#said()}`)
    return first
  }

  #said(): string {
    const since = (at: number) => Math.round(at - this.#began)
    return this.#troubles.map(({ from, kind, server, to }) => `${kind} of ${server} ${since(from)}..${since(to)}`).join(", ")
  }

  /** Waits for a notification after the first `count`, as long as it has to come. */
  async hears(what: string, { count, excused, peer, subject }: {
    readonly peer: Peer
    readonly subject: string
    readonly count: number
    readonly excused: () => boolean
  }): Promise<void> {
    const end = performance.now() + PATIENCE * 1000
    while (heardBy(peer, subject) <= count && !excused()) {
      if (performance.now() > end) return this.odd(`${what} was not heard by a ${peer.era} client; troubles: ${this.#said()}`)
      await new Promise((again) => setTimeout(again, 10))
    }
  }

  /** The state that a server gives of itself. */
  async stateOf(server: string): Promise<{ readonly running: number; readonly label: string; readonly watched: ReadonlyArray<string> } | undefined> {
    const { error, text } = await call(this.url, `${server}__state`, {})
    return error === undefined ? JSON.parse(text) : undefined
  }

  /** Waits until the server is up with this label. */
  async isUp(server: string, label: string): Promise<void> {
    await until(() => this.stateOf(server), (state) => state?.label === label).catch(async () => {
      const { servers } = await statusOf(this.url)
      const { error, text } = await call(this.url, `${server}__state`, {})
      this.odd(`${server} did not come back as "${label}": ${error ?? text}, ${JSON.stringify(servers.find(({ id }) => id === server))}`)
    })
  }
}

export const heardBy = ({ heard }: Peer, subject: string): number => heard.filter((one) => one === subject).length
