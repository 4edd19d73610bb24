/**
 * Looks at one definition (tool, prompt, resource, template) before it enters the
 * catalogue. One that could harm a client stays out, with the reason; the text of
 * one that enters is kept as the backend wrote it.
 */
import { beyond, type Member, members, without } from "../lib/Json.ts"
import { isRecord } from "../lib/Record.ts"
import { type AppPage, appPagesOf } from "./AppPages.ts"
import { type ParamHeader, paramHeadersOf } from "./ParamHeaders.ts"

export type Kind = "tools" | "prompts" | "resources" | "templates"

/** A definition that may enter the catalogue. */
export interface Definition {
  readonly kind: Kind
  /** The backend's own name, URI or URI template. */
  readonly name: string
  readonly text: string
  /** Where the name stands in `text`. */
  readonly place: Member
  /** Arguments that a modern client mirrors into headers. */
  readonly paramHeaders: ReadonlyArray<ParamHeader>
  /** Pages that a tool shows its results on. */
  readonly pages: ReadonlyArray<AppPage>
  /** The output schema of a tool whose output is no object: for legacy clients, which know objects only, it stands below `result`. */
  readonly output?: Member
  /** A tool that its server runs only as a task of revision 2025-11-25. */
  readonly isOnlyTask?: true
}

export interface Excluded {
  readonly kind: Kind
  readonly name: string
  readonly why: string
}

const KEY = { tools: "name", prompts: "name", resources: "uri", templates: "uriTemplate" } as const

/** A definition this deep or large is no tool for people or models. */
const LIMITS = { depth: 48, elements: 20_000 }
const LARGEST = 512 * 1024
const ALTERNATIVES = 512

const publicName = /^[A-Za-z0-9_.-]{1,128}$/u
const address = /^[^\p{Cc}\s]{1,8192}$/u

export const definitionOf = (kind: Kind, written: string, hiddenText: "refuse" | "allow"): Definition | Excluded => {
  // Line breaks stand only between tokens in JSON text; on one line it fits every transport.
  const line = written.replaceAll(/[\r\n]/gu, " ")
  // How a tool becomes a task of 2025-11-25 is between the gateway and the server: clients get results.
  const text = kind === "tools" ? without(line, "execution") : line
  const parts = members(text) ?? []
  const place = parts.find((member) => member.key === KEY[kind])
  const own = place === undefined ? undefined : stringOf(text.slice(place.start, place.end))
  const excluded = (why: string): Excluded => ({ kind, name: own === undefined ? "?" : printable(own), why })
  if (text.length > LARGEST) return excluded(`is larger than ${LARGEST} bytes`)
  const limit = beyond(text, LIMITS)
  if (limit !== undefined) return excluded(`goes beyond the limit on ${limit}`)
  const parsed = objectOf(text)
  if (parsed === undefined || place === undefined || own === undefined) return excluded(`has no ${KEY[kind]}`)
  // Clients would read the last of two names, and the gateway rewrites one.
  if (new Set(parts.map(({ key }) => key)).size < parts.length) return excluded("has a key twice")

  const named = kind === "tools" || kind === "prompts"
  if (named && !publicName.test(own)) return excluded("has a name outside A-Z a-z 0-9 _ . - or longer than 128")
  if (!named && !address.test(own)) return excluded("has an address with spaces or control characters")
  const harm = harmIn(parsed, hiddenText)
  if (harm !== undefined) return excluded(harm)
  const headers = kind === "tools" ? paramHeadersOf(parsed["inputSchema"]) : []
  if (typeof headers === "string") return excluded(headers)
  const common = { kind, name: own, text, place, paramHeaders: headers }
  if (kind !== "tools") return { ...common, pages: [] }
  const output = isOfObjects(parsed["outputSchema"]) ? undefined : parts.find(({ key }) => key === "outputSchema")
  return {
    ...common,
    pages: appPagesOf(text),
    ...(output === undefined ? {} : { output }),
    ...(isOnlyTask(objectOf(line)?.["execution"]) ? { isOnlyTask: true } : {})
  }
}

const isOfObjects = (schema: unknown): boolean => !isRecord(schema) || schema["type"] === "object"

const isOnlyTask = (execution: unknown): boolean => isRecord(execution) && execution["taskSupport"] === "required"

const stringOf = (text: string): string | undefined => {
  if (!text.startsWith("\"")) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const objectOf = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

// Zero-width, bidi, invisible operators, tag characters, supplementary variation selectors,
// controls of terminals. A joiner inside an emoji is no hiding place.
const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]|[\u{e0100}-\u{e01ef}]|(?<!\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)\u200d/u

/** The first thing in the value that keeps it out. */
const harmIn = (value: unknown, hiddenText: "refuse" | "allow"): string | undefined => {
  if (typeof value === "string") {
    return hiddenText === "refuse" && hidden.test(value)
      ? "holds hidden text (zero-width, bidi, tag or terminal characters); guard.hidden_text: allow lets it in"
      : undefined
  }
  if (Array.isArray(value)) {
    if (value.length > ALTERNATIVES * 4) return "has a list that is too long"
    return firstHarm(value, hiddenText)
  }
  if (!isRecord(value)) return undefined
  const reference = value["$ref"]
  if (typeof reference === "string" && !reference.startsWith("#")) return "has a schema that refers to another document ($ref)"
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const choices = value[key]
    if (Array.isArray(choices) && choices.length > ALTERNATIVES) return `has a schema with more than ${ALTERNATIVES} alternatives`
  }
  return firstHarm([...Object.keys(value), ...Object.values(value)], hiddenText)
}

const firstHarm = (values: ReadonlyArray<unknown>, hiddenText: "refuse" | "allow"): string | undefined => {
  for (const value of values) {
    const harm = harmIn(value, hiddenText)
    if (harm !== undefined) return harm
  }
  return undefined
}

/** A name that may hold anything, fit for a terminal. */
const printable = (text: string): string =>
  /^[\x21-\x7e]{1,200}$/u.test(text) ? text : JSON.stringify(text.slice(0, 60)).replace(/[^\x20-\x7e]/gu, "?")
