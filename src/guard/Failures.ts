/** Counts refused credentials by where they come from, so that guessing gets slow; a credential that is known to be good is never slowed. */

/** Failures within a minute from one address before it has to wait, unless told otherwise. */
const MOST = 100
const MINUTE = 60_000
/** Most addresses that are remembered. */
const ADDRESSES = 10_000

export class Failures {
  readonly #most: number
  readonly #counts = new Map<string, { count: number; readonly until: number }>()

  constructor(most = MOST) {
    this.#most = most
  }

  /** @param now milliseconds since 1970 */
  count(from: string, now: number): void {
    const entry = this.#counts.get(from)
    if (entry !== undefined && entry.until > now) {
      entry.count++
      return
    }
    this.#counts.delete(from)
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size < ADDRESSES) break
      this.#counts.delete(oldest)
    }
    this.#counts.set(from, { count: 1, until: now + MINUTE })
  }

  /** Seconds to wait; 0 for none. */
  waitOf(from: string, now: number): number {
    const entry = this.#counts.get(from)
    return entry === undefined || entry.until <= now || entry.count < this.#most ? 0 : Math.ceil((entry.until - now) / 1000)
  }
}
