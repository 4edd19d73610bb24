/**
 * A tree through a schema: the decoded value, or every mistake at the place where
 * its value was given. Text from the environment, `--set` or a reference becomes a
 * number or a boolean where the schema wants one.
 */
import { Result, Schema } from "effect"
import { type Mistake, mistakesIn, type Take } from "./Explain.ts"
import { nearest } from "./Nearest.ts"
import type { Problem } from "./Problem.ts"
import { isSecretPath } from "./Secrets.ts"
import { commonKeys } from "./Server.ts"
import { child, nodeAt, originOf, type Path, plain, replaceAt, sayPath, type Scalar, type Tree } from "./Tree.ts"

export const strict = { errors: "all", onExcessProperty: "error" } as const

export const decode = <T>(
  schema: Schema.ConstraintDecoder<T>,
  tree: Tree
): Result.Result<{ readonly value: T; readonly tree: Tree }, ReadonlyArray<Problem>> => {
  const read = Schema.decodeUnknownResult(schema, strict)
  const first = read(plain(tree))
  if (Result.isSuccess(first)) return Result.succeed({ value: first.success, tree })
  const typed = mistakesIn(first.failure.issue).reduce(withType, tree)
  if (typed === tree) return Result.fail(problemsFrom(tree, mistakesIn(first.failure.issue)))
  const second = read(plain(typed))
  return Result.isSuccess(second)
    ? Result.succeed({ value: second.success, tree: typed })
    : Result.fail(problemsFrom(typed, mistakesIn(second.failure.issue)))
}

/** The tree with the loose text at a mistake turned into what is wanted there, if it reads as that. */
const withType = (tree: Tree, { path, takes = [] }: Mistake): Tree => {
  const node = nodeAt(tree, path)
  if (node?._tag !== "Scalar" || node.loose !== true || typeof node.value !== "string") return tree
  const text = node.value.trim()
  const value = takes.map((take) => typedText(text, take)).find((each) => each !== undefined)
  return value === undefined ? tree : replaceAt(tree, path, () => ({ ...node, value }))
}

/** The keys of a loader or strategy have no schema here: loose `true` and `false` become booleans, all else stays text. */
export const withOwnTypes = (tree: Tree): Tree => {
  const servers = child(tree, "servers")
  const paths = servers?._tag === "Sequence"
    ? servers.items.flatMap((server, index) => [...ownKeys(server, ["servers", index]), ...ownKeys(child(server, "auth_config"), ["servers", index, "auth_config"])])
    : []
  return paths.reduce((tree, path) => withType(tree, { path, kind: "type", message: "", takes: [Boolean] }), tree)
}

const ownKeys = (map: Tree | undefined, path: Path): ReadonlyArray<Path> =>
  map?._tag === "Mapping" ? [...map.entries.keys()].filter((key) => path.length > 2 || !commonKeys.includes(key)).map((key) => [...path, key]) : []

const typedText = (text: string, take: Take): Scalar["value"] | undefined => {
  if (take === Number) return /^-?\d+(?:\.\d+)?$/u.test(text) ? Number(text) : undefined
  if (take === Boolean) return text === "true" ? true : text === "false" ? false : undefined
  return typeof take !== "string" && typeof take !== "function" && String(take) === text ? take : undefined
}

export const problemsFrom = (tree: Tree, mistakes: ReadonlyArray<Mistake>, base: Path = []): ReadonlyArray<Problem> =>
  mistakes.map((mistake) => problemFrom(tree, { ...mistake, path: [...base, ...mistake.path] }))

const problemFrom = (tree: Tree, mistake: Mistake): Problem => {
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
  const text = String(node.value)
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text
  return typeof node.value === "string" ? JSON.stringify(short) : short
}

const inQuotes = (node: Tree | undefined, expected: string) =>
  expected.startsWith("text") && node?._tag === "Scalar" && typeof node.value !== "string" && node.value !== null
    ? " (put it in quotes)"
    : ""

/** The problem a part of the gateway found itself, at the place of `path`. */
export const problemAt = (
  tree: Tree,
  path: Path,
  said: { readonly message: string; readonly expected?: string; readonly known?: ReadonlyArray<string> }
): Problem => {
  const node = nodeAt(tree, path)
  const written = node?._tag === "Scalar" && typeof node.value === "string" ? node.value : lastOf(path)
  const suggestion = nearest(written, said.known ?? [])
  return {
    ...originOf(tree, path),
    path: sayPath(tree, path),
    message: said.message,
    ...(said.expected === undefined ? {} : { expected: said.expected }),
    ...(suggestion === undefined ? {} : { suggestion })
  }
}

export const serverPath = (tree: Tree, id: string): Path => {
  const servers = child(tree, "servers")
  const index = servers?._tag === "Sequence"
    ? servers.items.findIndex((server) => textOf(child(server, "id")) === id)
    : -1
  return index === -1 ? ["servers"] : ["servers", index]
}
