/** The known name a typo most likely stands for: by edit distance, at most a third of its letters wrong. */

/** Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to`. */
export const distance = (from: string, to: string): number => {
  let before: ReadonlyArray<number> = []
  let above: ReadonlyArray<number> = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current.push(Math.min(
        (above[column] ?? row) + 1,
        (current[column - 1] ?? column) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        swapped && row > 1 ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      ))
    }
    before = above
    above = current
  }
  return above[to.length] ?? from.length
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[-_ ]/gu, "")

/** `undefined` when nothing known is close, or when `name` is itself known. */
export const nearest = (name: string, known: ReadonlyArray<string>): string | undefined => {
  if (name.length > 100 || known.includes(name)) return undefined
  const same = known.find((candidate) => plain(candidate) === plain(name))
  if (same !== undefined) return same
  let best: string | undefined
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const steps = distance(name, candidate)
    if (steps < least && steps < candidate.length) {
      best = candidate
      least = steps
    }
  }
  return best
}
