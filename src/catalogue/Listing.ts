/** Reads everything one backend offers: all pages of all four lists, each definition as its own text. */
import { Effect } from "effect"
import { BackendFailed, backendFailed } from "../backend/BackendFailed.ts"
import { exchange, ownCall } from "../backend/Handshake.ts"
import type { Opened } from "../backend/Opened.ts"
import { elements, members, valueOf } from "../lib/Json.ts"
import { type Definition, definitionOf, type Excluded, type Kind } from "./Definition.ts"

export interface Listing {
  readonly definitions: Readonly<Record<Kind, ReadonlyArray<Definition>>>
  readonly excluded: ReadonlyArray<Excluded>
}

export const KINDS: ReadonlyArray<Kind> = ["tools", "prompts", "resources", "templates"]

export const nothing: Listing = { definitions: { tools: [], prompts: [], resources: [], templates: [] }, excluded: [] }

const LISTS = {
  tools: { method: "tools/list", member: "tools", capability: "tools" },
  prompts: { method: "prompts/list", member: "prompts", capability: "prompts" },
  resources: { method: "resources/list", member: "resources", capability: "resources" },
  templates: { method: "resources/templates/list", member: "resourceTemplates", capability: "resources" }
} as const

/** Stops at this many pages, definitions or this long, so that no backend can list without end. */
const PAGES = 1000
const DEFINITIONS = 20_000
const PATIENCE = "30 seconds"

const METHOD_NOT_FOUND = -32601

/** The lists of `kinds`; the others are taken from `before`. */
export const read = Effect.fn("Listing.read")(function*(
  backend: string,
  opened: Opened,
  hiddenText: "refuse" | "allow",
  before: Listing = nothing,
  kinds: ReadonlyArray<Kind> = KINDS
): Effect.fn.Return<Listing, BackendFailed> {
  const definitions = { ...before.definitions }
  const excluded = before.excluded.filter(({ kind }) => !kinds.includes(kind))
  const lists = yield* Effect.forEach(kinds, (kind) => Effect.map(whole(backend, opened, kind), (list) => ({ kind, ...list })), {
    concurrency: KINDS.length
  })
  for (const { kind, texts, why } of lists) {
    if (why !== undefined) excluded.push({ kind, name: "*", why })
    const kept: Array<Definition> = []
    for (const text of texts) {
      const found = definitionOf(kind, text, hiddenText)
      if ("why" in found) excluded.push(found)
      else kept.push(found)
    }
    definitions[kind] = why === undefined ? kept : before.definitions[kind]
  }
  return { definitions, excluded }
})

/** A list that its server gets wrong is left out with the reason; the server's other lists are not the worse for it. */
const whole = (backend: string, opened: Opened, kind: Kind) =>
  readOne(backend, opened, kind).pipe(
    Effect.map((texts) => ({ texts, why: undefined })),
    Effect.catchIf(({ reason }) => reason === "protocol" || reason === "timed_out", ({ detail }) =>
      Effect.succeed({ texts: [], why: `the list cannot be had: the server ${detail}` }))
  )

const readOne = Effect.fnUntraced(function*(
  backend: string,
  { connection, handshake }: Opened,
  kind: Kind
): Effect.fn.Return<ReadonlyArray<string>, BackendFailed> {
  const { capability, member, method } = LISTS[kind]
  if (handshake.capabilities[capability] === undefined) return []
  const all: Array<string> = []
  const seen = new Set<string>()
  let cursor: string | undefined
  do {
    const answer = yield* exchange(connection, ownCall(method, cursor === undefined ? "" : `"cursor":${cursor}`))
    if (answer.kind === "failed") return yield* backendFailed(backend, answer.failure)
    if (answer.kind === "error") {
      if (answer.error.code === METHOD_NOT_FOUND) return all
      return yield* misbehaved(backend, `answered ${method} with error ${answer.error.code}`)
    }
    const page = pageOf(answer.result.toString("utf8"), member)
    if (page === undefined) return yield* misbehaved(backend, `answered ${method} without a list`)
    if (all.length + page.texts.length > DEFINITIONS) return yield* misbehaved(backend, `lists more than ${DEFINITIONS} with ${method}`)
    all.push(...page.texts)
    cursor = page.cursor
    if (cursor !== undefined && (seen.has(cursor) || seen.size >= PAGES)) {
      return yield* misbehaved(backend, `does not come to an end with ${method}`)
    }
    if (cursor !== undefined) seen.add(cursor)
  } while (cursor !== undefined)
  return all
}, (list, backend, _, kind) =>
  Effect.timeoutOrElse(list, {
    duration: PATIENCE,
    orElse: () => misbehaved(backend, `did not finish ${LISTS[kind].method} in ${PATIENCE}`)
  }))

const pageOf = (text: string, member: string) => {
  const found = members(text)
  const list = found?.find(({ key }) => key === member)
  const items = list === undefined ? undefined : elements(text, list.start)
  if (found === undefined || items === undefined) return undefined
  const cursor = valueOf(text, found, "nextCursor")
  return {
    texts: items.map(({ end, start }) => text.slice(start, end)),
    cursor: cursor === undefined || cursor === "null" ? undefined : cursor
  }
}

const misbehaved = (backend: string, detail: string) =>
  Effect.fail(new BackendFailed({ backend, reason: "protocol", detail }))
