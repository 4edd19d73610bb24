/**
 * The text of one manifest file to a tree with positions. YAML's ways to say
 * one thing twice or to run something (merge keys, tags, duplicate keys, several
 * documents) are refused, and every mistake is reported, not the first.
 */
import { LineCounter, parseAllDocuments, type YAMLError } from "yaml"
import type { Problem } from "./Problem.ts"
import { limits, toTree } from "./SourceNodes.ts"
import type { Mapping, Origin } from "./Tree.ts"

export interface Read {
  /** Absent when there is nothing that could be read further. */
  readonly tree?: Mapping
  readonly problems: ReadonlyArray<Problem>
}

const says: Partial<Record<YAMLError["code"], string>> = {
  TAB_AS_INDENT: "a tab is used to indent: YAML takes spaces only",
  BAD_SCALAR_START: "text cannot begin with this character: put it in quotes",
  MULTIPLE_DOCS: "holds more than one document: remove the --- lines",
  NON_STRING_KEY: "a key has to be plain text",
  RESOURCE_EXHAUSTION: `is nested deeper than ${limits.depth} levels`
}

export const readSource = (text: string, file: string): Read => {
  const start: Origin = { file, line: 1, column: 1 }
  const refuse = (message: string): Read => ({ problems: [{ ...start, path: "", message }] })
  if (new TextEncoder().encode(text).length > limits.bytes) return refuse("is larger than 1 MiB")

  const lines = new LineCounter()
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text
  const at = (offset: number): Origin => {
    const { col, line } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const documents = parseAllDocuments(body, {
    lineCounter: lines,
    logLevel: "silent",
    merge: false,
    prettyErrors: false,
    resolveKnownTags: false,
    stringKeys: true,
    uniqueKeys: false
  })
  const [document, second] = documents
  if (document === undefined || !("contents" in document) || document.contents === null) return refuse(empty)

  const broken = documents.flatMap((each) => each.errors).map((error): Problem => ({
    ...at(error.pos[0]),
    path: "",
    message: says[error.code] ?? (error.message.includes("call stack") ? says.RESOURCE_EXHAUSTION : undefined)
      ?? `is not valid YAML: ${error.message.replaceAll(/\s+/gu, " ")}`
  }))
  const several: ReadonlyArray<Problem> = second === undefined
    ? []
    : [{ ...at(second.range[0]), path: "", message: says.MULTIPLE_DOCS ?? "" }]
  const { problems, tree } = toTree(document, at)
  const found = [...broken, ...several, ...problems]
  if (tree._tag === "Mapping") return { tree, problems: found }
  if (tree._tag === "Scalar" && tree.value === null) return refuse(empty)
  return { problems: [...found, { ...tree.at, path: "", message: `is a ${tree._tag === "Sequence" ? "list" : "single value"}`, expected: "a map that begins with \"version: 1\"" }] }
}

const empty = "is empty: a manifest begins with \"version: 1\""
