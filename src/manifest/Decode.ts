/**
 * A tree through a schema: the decoded value, or every mistake at the place where
 * its value was given. Text from the environment, `--set` or a reference becomes a
 * number or a boolean where the schema wants one.
 */
import { Result, Schema } from "effect"
import { type Mistake, mistakesIn, type Take } from "./Explain.ts"
import type { Problem } from "./Problem.ts"
import { problemFrom } from "./Report.ts"
import { commonKeys } from "./Server.ts"
import { child, nodeAt, type Path, plain, replaceAt, type Scalar, type Tree } from "./Tree.ts"

export const strict = { errors: "all", onExcessProperty: "error" } as const

export const decode = <T>(
  schema: Schema.ConstraintDecoder<T>,
  tree: Tree
): Result.Result<{ readonly value: T; readonly tree: Tree }, ReadonlyArray<Problem>> => {
  const read = Schema.decodeUnknownResult(schema, strict)
  const first = read(plain(tree))
  if (Result.isSuccess(first)) return Result.succeed({ value: first.success, tree })
  const typed = mistakesIn(first.failure.issue).reduce(withType, tree)
  if (typed === tree) return Result.fail(problems(tree, first.failure))
  const second = read(plain(typed))
  return Result.isSuccess(second)
    ? Result.succeed({ value: second.success, tree: typed })
    : Result.fail(problems(typed, second.failure))
}

const problems = (tree: Tree, { issue }: Schema.SchemaError): ReadonlyArray<Problem> =>
  mistakesIn(issue).map((mistake) => problemFrom(tree, mistake))

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
