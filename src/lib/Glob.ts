/**
 * Patterns with `*` (any run of characters but "/") and `**` (any run); one that is `*` alone stands for
 * everything. All places in the pattern are followed at once, so the time is its length times the text's.
 */

const SEGMENT = -1
const ANYTHING = -2
const SLASH = 0x2f

export interface Glob {
  readonly text: string
  readonly isEverything: boolean
  readonly matches: (value: string) => boolean
}

export const glob = (text: string): Glob => {
  if (text === "*" || text === "**") return { text, isEverything: true, matches: () => true }
  const star = text.indexOf("*")
  if (star === -1) return { text, isEverything: false, matches: (value) => value === text }
  const start = text.slice(0, star)
  const rest = tokensOf(text.slice(star))
  const [only] = rest.length === 1 ? rest : []
  return {
    text,
    isEverything: false,
    matches: (value) => {
      if (!value.startsWith(start)) return false
      if (only === undefined) return follows(rest, value, start.length)
      return only === ANYTHING || !value.includes("/", start.length)
    }
  }
}

/** Character codes, and the two wildcards. */
const tokensOf = (text: string): ReadonlyArray<number> => {
  const tokens: Array<number> = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "*") tokens.push(text.charCodeAt(i))
    else if (text[i + 1] !== "*") tokens.push(SEGMENT)
    else {
      tokens.push(ANYTHING)
      while (text[i + 1] === "*") i++
    }
  }
  return tokens
}

const follows = (tokens: ReadonlyArray<number>, value: string, from: number): boolean => {
  let places = withSkips(tokens, new Set([0]))
  for (let i = from; i < value.length && places.size > 0; i++) {
    const code = value.charCodeAt(i)
    const next = new Set<number>()
    for (const place of places) {
      const token = tokens[place]
      if (token === ANYTHING || (token === SEGMENT && code !== SLASH)) next.add(place)
      else if (token === code) next.add(place + 1)
    }
    places = withSkips(tokens, next)
  }
  return places.has(tokens.length)
}

/** A wildcard may stand for nothing. */
const withSkips = (tokens: ReadonlyArray<number>, places: Set<number>): Set<number> => {
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const place of places) if ((tokens[place] ?? 0) < 0) places.add(place + 1)
  return places
}
