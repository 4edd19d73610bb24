/** Answers the list methods from the merged lists, a page at a time; the bytes are those of the snapshot. */
import type { Era } from "../backend/Era.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { Snapshot } from "../catalogue/Snapshot.ts"
import { type Chunk, CODE, errorOf, resultOf } from "./Exchange.ts"

const MEMBER: Readonly<Record<Kind, string>> = {
  tools: "tools",
  prompts: "prompts",
  resources: "resources",
  templates: "resourceTemplates"
}

export const LIST_METHODS: ReadonlyMap<string, Kind> = new Map([
  ["tools/list", "tools"],
  ["prompts/list", "prompts"],
  ["resources/list", "resources"],
  ["resources/templates/list", "templates"]
])

/** A cursor names the list it was given for, so that a page is never cut from another one. */
const cursorFor = (digest: string, page: number) => Buffer.from(`${page}.${digest}`).toString("base64url")

const pageAt = (cursor: unknown, digest: string): number | undefined => {
  if (cursor === undefined) return 0
  if (typeof cursor !== "string") return undefined
  const [page, ofDigest] = Buffer.from(cursor, "base64url").toString("utf8").split(".")
  return ofDigest === digest && /^\d{1,6}$/u.test(page ?? "") ? Number(page) : undefined
}

/**
 * The result of a list method, or `undefined` when the cursor is not one of ours or of a list that has changed.
 * @param fields further members of the result as JSON text with a leading comma, or ""
 */
export const listed = (
  snapshot: Snapshot | undefined,
  { cursor, era, fields = "", kind }: { readonly kind: Kind; readonly era: Era; readonly cursor: unknown; readonly fields?: string }
): ReadonlyArray<Chunk> | undefined => {
  if (snapshot === undefined) return undefined
  const { digest, pages } = kind === "tools" && era === "legacy" ? snapshot.toolsOfObjects : snapshot.lists[kind]
  const at = pageAt(cursor, digest)
  const page = at === undefined ? undefined : pages[at]
  if (at === undefined || page === undefined) return undefined
  const next = at + 1 < pages.length ? `,"nextCursor":"${cursorFor(digest, at + 1)}"` : ""
  return [`{"${MEMBER[kind]}":[`, page, `]${next}${fields}}`]
}

/** The answer to a list method, for the request with this id. */
export const listAnswer = (id: string, ...asked: Parameters<typeof listed>): ReadonlyArray<Chunk> => {
  const list = listed(...asked)
  return list === undefined ? errorOf(id, CODE.invalidParams, "Unknown or outdated cursor; list again from the start") : resultOf(id, ...list)
}
