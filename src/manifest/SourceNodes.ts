/** The nodes of a parsed YAML document to our tree; aliases are copied in, within limits. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode } from "yaml"
import type { Problem } from "./Problem.ts"
import { type Entry, isPrototypeName, type Origin, type Tree } from "./Tree.ts"

export const limits = { bytes: 1024 * 1024, aliases: 50, depth: 32, values: 100_000 }

type At = (offset: number) => Origin

export const toTree = (
  document: Document.Parsed<ParsedNode>,
  at: At
): { readonly tree: Tree; readonly problems: ReadonlyArray<Problem> } => {
  const problems = new Map<string, Problem>()
  let aliases = 0
  let values = 0

  /** A mistake is said once, also where an alias repeats it. */
  const report = (place: Origin, message: string, expected?: string) => {
    problems.set(`${place.line}:${place.column}:${message}`, {
      ...place,
      path: "",
      message,
      ...(expected === undefined ? {} : { expected })
    })
  }

  const entriesOf = (pairs: ReadonlyArray<{ readonly key: unknown; readonly value: unknown }>, depth: number) => {
    const entries = new Map<string, Entry>()
    for (const pair of pairs) {
      const key = isScalar(pair.key) ? pair.key : undefined
      if (key === undefined) continue
      const keyAt = at(key.range?.[0] ?? 0)
      const name = String(key.value)
      checkTag(key, keyAt)
      if (name === "<<") report(keyAt, "merge keys (<<) are not taken", "each key written out")
      else if (isPrototypeName(name)) report(keyAt, `"${name}" cannot be a key`)
      else if (entries.has(name)) report(keyAt, `"${name}" stands here a second time`, "each key once")
      else entries.set(name, { keyAt, value: convert(pair.value, keyAt, depth + 1) })
    }
    return entries
  }

  const checkTag = (node: Node, place: Origin) => {
    if (node.tag !== undefined) report(place, `tags (${node.tag}) are not taken`, "a plain value")
  }

  const convert = (node: unknown, around: Origin, depth: number): Tree => {
    const nothing: Tree = { _tag: "Scalar", at: around, value: null }
    if (++values > limits.values) {
      report(around, `holds more than ${limits.values} values once its aliases are copied in`)
      return nothing
    }
    if (depth > limits.depth) {
      report(around, `is nested deeper than ${limits.depth} levels`)
      return nothing
    }
    if (isAlias(node)) {
      const place = at(node.range?.[0] ?? 0)
      if (++aliases > limits.aliases) {
        report(at(0), `holds more than ${limits.aliases} aliases`)
        return nothing
      }
      const target = node.resolve(document)
      if (target === undefined) report(place, `the alias *${node.source} names no anchor before it`)
      return target === undefined ? nothing : convert(target, place, depth + 1)
    }
    if (isMap(node)) {
      const place = at(node.range?.[0] ?? 0)
      checkTag(node, place)
      return { _tag: "Mapping", at: place, entries: entriesOf(node.items, depth) }
    }
    if (isSeq(node)) {
      const place = at(node.range?.[0] ?? 0)
      checkTag(node, place)
      return { _tag: "Sequence", at: place, items: node.items.map((item) => convert(item, place, depth + 1)) }
    }
    if (!isScalar(node)) return nothing
    const place = node.range === undefined || node.range === null ? around : at(node.range[0])
    checkTag(node, place)
    const { value } = node
    if (typeof value === "string" || typeof value === "boolean") return { _tag: "Scalar", at: place, value }
    if (typeof value === "number") {
      if (!Number.isFinite(value)) report(place, "is not a finite number")
      return { _tag: "Scalar", at: place, value }
    }
    return { _tag: "Scalar", at: node.source === "" ? around : place, value: null }
  }

  const tree = convert(document.contents, at(0), 0)
  return { tree, problems: [...problems.values()] }
}
