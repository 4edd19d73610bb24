/**
 * Mistakes as problems: with the place where the value was given, what stands
 * there, and the valid name that was most likely meant. Secrets are not repeated.
 */
import type { Mistake } from "./Explain.ts"
import { nearest } from "./Nearest.ts"
import type { Problem } from "./Problem.ts"
import { isSecretPath } from "./Secrets.ts"
import { commonKeys } from "./Server.ts"
import { nodeAt, originOf, type Path, sayPath, type Tree } from "./Tree.ts"

export const problemFrom = (tree: Tree, mistake: Mistake): Problem => {
  const { expected, kind, path } = mistake
  const node = nodeAt(tree, path)
  const place = (part: "key" | "value", message: string, suggestion?: string): Problem => ({
    ...originOf(tree, path, part),
    path: sayPath(tree, path),
    message,
    ...(expected === undefined ? {} : { expected: expected + inQuotes(node, expected) }),
    ...(suggestion === undefined ? {} : { suggestion })
  })
  switch (kind) {
    case "missing":
      return missing(tree, mistake)
    case "unknown":
      return place("key", mistake.message, nearest(lastOf(path), knownAt(path, mistake.known ?? [])))
    case "choice":
      return place("value", `is ${sayNode(node, path)}`, nearest(textOf(node), mistake.known ?? []))
    case "type":
      return place("value", `is ${sayKind(node)}`)
    case "value":
      return place("value", mistake.message === "" ? `is ${sayNode(node, path)}` : mistake.message)
  }
}

/** A key that is missing because it is misspelt is shown at the misspelt one. */
const missing = (tree: Tree, { message, path }: Mistake): Problem => {
  const around = nodeAt(tree, path.slice(0, -1))
  const key = lastOf(path)
  const written = around?._tag === "Mapping"
    ? [...around.entries.keys()].find((other) => !knownAt(path, []).includes(other) && nearest(other, [key]) === key)
    : undefined
  const problem = { ...originOf(tree, path), path: sayPath(tree, path), message }
  if (written === undefined) return problem
  const said = `${message} (there is "${written}")`
  return { ...problem, ...originOf(tree, [...path.slice(0, -1), written], "key"), message: said, suggestion: key }
}

const lastOf = (path: Path) => String(path[path.length - 1] ?? "")

const textOf = (node: Tree | undefined) => node?._tag === "Scalar" ? String(node.value) : ""

/** In the map of a server the common keys are valid beside its loader's. */
const knownAt = (path: Path, known: ReadonlyArray<string>) =>
  path.length === 3 && path[0] === "servers" ? [...known, ...commonKeys] : known

const sayKind = (node: Tree | undefined): string => {
  if (node === undefined) return "missing"
  if (node._tag !== "Scalar") return node._tag === "Mapping" ? "a map" : "a list"
  if (node.value === null) return "empty"
  if (typeof node.value === "boolean") return String(node.value)
  return typeof node.value === "number" ? "a number" : "text"
}

const sayNode = (node: Tree | undefined, path: Path): string => {
  const secret = isSecretPath(path) || node?._tag !== "Scalar" || node.reference !== undefined
  if (secret || node.value === null) return node?._tag === "Scalar" && node.value !== null ? "not valid" : sayKind(node)
  const text = String(node.value).replace(/(:\/\/)[^/\s@]*@/u, "$1<hidden>@")
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text
  return typeof node.value === "string" ? JSON.stringify(short) : short
}

const inQuotes = (node: Tree | undefined, expected: string) =>
  expected.startsWith("text") && node?._tag === "Scalar" && typeof node.value !== "string" && node.value !== null
    ? " (put it in quotes)"
    : ""

/** What a part of the gateway found itself, at the place of `path`. */
export interface Said {
  readonly message: string
  readonly expected?: string
  /** What the text there, or the key, may have been meant to be. */
  readonly known?: ReadonlyArray<string>
}

export const problemAt = (tree: Tree, path: Path, { expected, known = [], message }: Said): Problem => {
  const text = textOf(nodeAt(tree, path))
  const suggestion = nearest(text === "" ? lastOf(path) : text, known)
  return {
    ...originOf(tree, path),
    path: sayPath(tree, path),
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(suggestion === undefined ? {} : { suggestion })
  }
}
