/** A mistake in a plugin's config. It names the place and never repeats the value, which may be a secret. */
import { type SchemaAST, SchemaIssue } from "effect"

export interface Problem {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
  /** For an unknown key: the keys that are known there, for "did you mean". */
  readonly known?: ReadonlyArray<string>
}

const UNKNOWN_KEY = "unknown key"

export const problemsOf = (issue: SchemaIssue.Issue): ReadonlyArray<Problem> => {
  const known: Array<ReadonlyArray<string>> = []
  const format = SchemaIssue.makeFormatterStandardSchemaV1({
    leafHook: (leaf) => {
      if (leaf._tag !== "UnexpectedKey") return SchemaIssue.defaultLeafHook(leaf)
      known.push(leaf.ast._tag === "Objects" ? leaf.ast.propertySignatures.map(({ name }) => String(name)) : [])
      return UNKNOWN_KEY
    }
  })
  return fromStandard(format(issue).issues).map((problem) =>
    problem.message === UNKNOWN_KEY ? { ...problem, known: known.shift() ?? [] } : problem
  )
}

/** `Schema.Struct({})` lets any object pass; a config without keys must not. */
export const problemsOfEmpty = (ast: SchemaAST.AST, input: unknown): ReadonlyArray<Problem> => {
  const isEmpty = ast._tag === "Objects" && ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0
  if (!isEmpty || typeof input !== "object" || input === null) return []
  return Object.keys(input).map((key) => ({ path: [key], message: UNKNOWN_KEY, known: [] }))
}

/** The issues of any Standard Schema, whose path may hold keys or objects with a key. */
export const fromStandard = (
  issues: ReadonlyArray<{
    readonly message: string
    readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
  }>
): ReadonlyArray<Problem> =>
  issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => typeof segment === "object" ? segment.key : segment),
    message
  }))
