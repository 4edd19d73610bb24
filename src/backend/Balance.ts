/** Which of several replicas takes a call. */
import { digest } from "../lib/Digest.ts"

export type Rule = "round_robin" | "least_latency" | "hashed"

export interface Candidate {
  readonly index: number
  readonly inFlight: number
  /** Milliseconds that its calls took lately, and when the last of them ended; 0 of one that has had none. */
  readonly latency: number
  readonly endedAt: number
}

export interface Choosing {
  readonly rule: Rule
  /** Counts the calls. */
  readonly turn: number
  /** Who calls. */
  readonly key: string
  /** Milliseconds, on the clock of `endedAt`. */
  readonly now: number
}

/** After so many milliseconds a latency counts half: one that was slow once is tried again. */
const HALF_LIFE = 10_000

/** How much the last call says of the next, and all before it the rest. */
const NEWS = 0.3

export const latencyAfter = (before: number, millis: number): number => before === 0 ? millis : before * (1 - NEWS) + millis * NEWS

/** @param candidates one at least */
export const chosen = <C extends Candidate>(candidates: readonly [C, ...ReadonlyArray<C>], { key, now, rule, turn }: Choosing): C => {
  const next = candidates[turn % candidates.length] ?? candidates[0]
  switch (rule) {
    case "round_robin":
      return next
    case "least_latency":
      return leastOf(candidates, next, ({ endedAt, inFlight, latency }) => latency * (inFlight + 1) * 0.5 ** ((now - endedAt) / HALF_LIFE))
    case "hashed":
      // Of the digests of each replica with the key the smallest decides: where one goes, only its own keys move.
      return leastOf(candidates, next, ({ index }) => Number.parseInt(digest(`${index} ${key}`).slice(0, 8), 16))
  }
}

/** Among equals `first`. */
const leastOf = <C extends Candidate>(candidates: ReadonlyArray<C>, first: C, cost: (candidate: C) => number): C => {
  let [least, lowest] = [first, cost(first)]
  for (const candidate of candidates) {
    const own = cost(candidate)
    if (own < lowest) [least, lowest] = [candidate, own]
  }
  return least
}
