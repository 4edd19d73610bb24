/**
 * Finds the members of a JSON object by their place in the text, so that a value
 * can be passed on exactly as it was written (numbers beyond 2^53, odd Unicode).
 * It finds places; whether the text is JSON at all is for `JSON.parse` to say.
 */

/** One `"key": value` of an object: offsets of its key and its value in the scanned text, `end` exclusive. */
export interface Member {
  readonly key: string
  readonly at: number
  readonly start: number
  readonly end: number
}

export interface Limits {
  /** Deepest nesting of arrays and objects that is accepted. */
  readonly depth: number
  /** Most array elements and object members in total. */
  readonly elements: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

const skipSpace = (text: string, at: number): number => {
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** The offset after the string that opens at `at`; -1 when it never closes. */
const endOfString = (text: string, at: number): number => {
  for (let quote = text.indexOf("\"", at + 1); quote !== -1; quote = text.indexOf("\"", quote + 1)) {
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return quote + 1
  }
  return -1
}

/** The offset after the value that begins at `at`; -1 when it never ends. */
const endOfValue = (text: string, at: number): number => {
  const first = text.charCodeAt(at)
  if (first === QUOTE) return endOfString(text, at)
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return endOfScalar(text, at)
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i) - 1
      if (i < 0) return -1
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++
    else if ((code === CLOSE_OBJECT || code === CLOSE_ARRAY) && --depth === 0) return i + 1
  }
  return -1
}

const endOfScalar = (text: string, at: number): number => {
  let i = at
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || isSpace(code)) break
  }
  return i === at ? -1 : i
}

/** The key of the string at `start`..`end`, escapes resolved; `undefined` when it is no JSON string. */
const keyOf = (text: string, start: number, end: number): string | undefined => {
  const raw = text.slice(start + 1, end - 1)
  if (!raw.includes("\\")) return raw
  try {
    return JSON.parse(text.slice(start, end))
  } catch {
    return undefined
  }
}

/** The members of the object that begins at or after `start`, in the order written; `undefined` when there is none. */
export const members = (text: string, start = 0): ReadonlyArray<Member> | undefined => {
  let at = skipSpace(text, start)
  if (text.charCodeAt(at) !== OPEN_OBJECT) return undefined
  const found: Array<Member> = []
  at = skipSpace(text, at + 1)
  if (text.charCodeAt(at) === CLOSE_OBJECT) return found
  for (;;) {
    if (text.charCodeAt(at) !== QUOTE) return undefined
    const keyStart = at
    const keyEnd = endOfString(text, at)
    const key = keyEnd === -1 ? undefined : keyOf(text, at, keyEnd)
    if (key === undefined) return undefined
    at = skipSpace(text, keyEnd)
    if (text.charCodeAt(at) !== COLON) return undefined
    const valueStart = skipSpace(text, at + 1)
    const valueEnd = endOfValue(text, valueStart)
    if (valueEnd === -1) return undefined
    found.push({ key, at: keyStart, start: valueStart, end: valueEnd })
    at = skipSpace(text, valueEnd)
    const next = text.charCodeAt(at)
    if (next === CLOSE_OBJECT) return found
    if (next !== COMMA) return undefined
    at = skipSpace(text, at + 1)
  }
}

/** The elements of the array that begins at or after `start`, as offsets; `undefined` when there is none. */
export const elements = (
  text: string,
  start = 0
): ReadonlyArray<{ readonly start: number; readonly end: number }> | undefined => {
  let at = skipSpace(text, start)
  if (text.charCodeAt(at) !== OPEN_ARRAY) return undefined
  const found: Array<{ readonly start: number; readonly end: number }> = []
  at = skipSpace(text, at + 1)
  if (text.charCodeAt(at) === CLOSE_ARRAY) return found
  for (;;) {
    const end = endOfValue(text, at)
    if (end === -1) return undefined
    found.push({ start: at, end })
    at = skipSpace(text, end)
    const next = text.charCodeAt(at)
    if (next === CLOSE_ARRAY) return found
    if (next !== COMMA) return undefined
    at = skipSpace(text, at + 1)
  }
}

/** The first limit the text goes beyond; runs before `JSON.parse`, in one linear pass. */
export const beyond = (text: string, limits: Limits): "depth" | "elements" | undefined => {
  let depth = 0
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i) - 1
      if (i < 0) return undefined
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++depth > limits.depth) return "depth"
      if (++count > limits.elements) return "elements"
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--
    else if (code === COMMA && ++count > limits.elements) return "elements"
  }
  return undefined
}

/** The text of one member's value. */
export const valueOf = (text: string, found: ReadonlyArray<Member>, key: string): string | undefined => {
  const member = found.find((member) => member.key === key)
  return member === undefined ? undefined : text.slice(member.start, member.end)
}

/** The members of the object that one member holds; none where it holds no object, or is not there. */
export const membersOf = (text: string, found: ReadonlyArray<Member>, key: string): ReadonlyArray<Member> => {
  const place = found.find((member) => member.key === key)
  return (place && members(text, place.start)) ?? []
}

/** `text` without the members of that name; the text itself where there are none. */
export const without = (text: string, key: string): string => {
  const found = members(text) ?? []
  const kept = found.filter((member) => member.key !== key)
  return kept.length === found.length ? text : `{${kept.map(({ at, end }) => text.slice(at, end)).join(",")}}`
}

/** `text` with the value of one member replaced by other JSON text. */
export const withValue = (text: string, member: Member, value: string): string =>
  text.slice(0, member.start) + value + text.slice(member.end)

/** `text` with the values of several members replaced, each by its own JSON text. */
export const withValues = (text: string, changes: ReadonlyArray<{ readonly place: Member; readonly value: string }>): string => {
  let result = ""
  let at = 0
  for (const { place, value } of [...changes].sort((a, b) => a.place.start - b.place.start)) {
    result += text.slice(at, place.start) + value
    at = place.end
  }
  return result + text.slice(at)
}
