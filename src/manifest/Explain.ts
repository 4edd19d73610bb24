/**
 * What a schema found wrong, as sentences for the person editing the YAML.
 * The input itself is never asked for, so a secret cannot end up in a sentence.
 */
import { Predicate, type SchemaAST, SchemaIssue } from "effect"
import { unsupported } from "./Fields.ts"
import type { Path } from "./Tree.ts"

export interface Mistake {
  readonly path: Path
  /** `type`: the value is of another kind; the sentence is completed with what it is. */
  readonly kind: "missing" | "unknown" | "type" | "choice" | "value"
  readonly message: string
  readonly expected?: string
  /** Names or values that would have been valid. */
  readonly known?: ReadonlyArray<string>
  /** What text without a type of its own may be turned into. */
  readonly takes?: ReadonlyArray<Take>
}

/** One exact value, or any number, or any boolean. */
export type Take = string | number | boolean | typeof Number | typeof Boolean

export const mistakesIn = (issue: SchemaIssue.Issue, path: Path = []): ReadonlyArray<Mistake> => {
  switch (issue._tag) {
    case "Pointer":
      return mistakesIn(issue.issue, [...path, ...issue.path.map((key) => typeof key === "number" ? key : String(key))])
    case "Composite":
      return [...unreached(issue, path), ...issue.issues.flatMap((each) => mistakesIn(each, path))]
    case "Encoding":
      return mistakesIn(issue.issue, path)
    case "Filter":
      return filtered(issue, path)
    case "AnyOf":
      return unmatched(issue, path)
    case "MissingKey": {
      const message = issue.annotations?.messageMissingKey ?? "is missing"
      return [{ path, kind: "missing", message }]
    }
    case "UnexpectedKey":
      return [unexpected(issue.ast, path)]
    case "InvalidType":
      return [wrongType(issue.ast, path)]
    case "InvalidValue":
    case "Forbidden":
    case "OneOf":
      return [{ path, kind: "value", ...sayLeaf(issue) }]
  }
}

/** A key that is not supported yet is said so, also where mistakes below it kept that check from running. */
const unreached = (issue: SchemaIssue.Composite, path: Path): ReadonlyArray<Mistake> => {
  const later = issue.ast.checks?.some((check) => check.annotations?.["later"] === true) === true
  const reached = issue.issues.some(({ _tag }) => _tag === "Filter")
  return later && !reached ? [{ path, kind: "value", message: unsupported }] : []
}

const sayLeaf = (issue: SchemaIssue.Leaf): { readonly message: string; readonly expected?: string } => {
  const annotations = "annotations" in issue ? issue.annotations : undefined
  const said = annotations?.["message"]
  const expected = annotations?.["expected"]
  if (Predicate.isString(said)) return { message: said }
  if (Predicate.isString(expected)) return { message: "", expected }
  return { message: SchemaIssue.defaultLeafHook(issue) }
}

const filtered = (issue: SchemaIssue.Filter, path: Path): ReadonlyArray<Mistake> => {
  const { annotations } = issue.filter
  const inner = mistakesIn(issue.issue, path)
  if (issue.issue._tag !== "InvalidValue" || issue.issue.annotations?.message !== undefined) return inner
  const said = annotations?.message
  if (said !== undefined) return [{ path, kind: "value", message: said }]
  const expected = annotations?.expected
  return expected === undefined ? inner : [{ path, kind: "value", message: "", expected }]
}

/** Where one member of a union fits in kind, its own mistakes say more than "none of these". */
const unmatched = (issue: SchemaIssue.AnyOf, path: Path): ReadonlyArray<Mistake> => {
  const closer = issue.issues.filter(({ _tag }) => _tag === "Composite" || _tag === "Filter" || _tag === "Encoding" || _tag === "Pointer")
  return closer.length > 0 ? closer.flatMap((each) => mistakesIn(each, path)) : [wrongType(issue.ast, path)]
}

const wrongType = (ast: SchemaAST.AST, path: Path): Mistake => {
  const members = membersOf(ast)
  const choices = members.flatMap((each) => each._tag === "Literal" ? [String(each.literal)] : [])
  const others = members.filter(({ _tag }) => _tag !== "Literal").map(sayType)
  const expected = [...new Set([...choices, ...others])]
  return {
    path,
    kind: choices.length > 0 ? "choice" : "type",
    message: "",
    expected: expected.length > 2 && others.length === 0 ? `one of ${expected.join(", ")}` : expected.join(" or "),
    known: choices,
    takes: members.flatMap((each): ReadonlyArray<Take> => {
      if (each._tag === "Literal") return Predicate.isBigInt(each.literal) ? [] : [each.literal]
      return each._tag === "Number" ? [Number] : each._tag === "Boolean" ? [Boolean] : []
    })
  }
}

const membersOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> => {
  if (ast._tag === "Union") return ast.types.flatMap(membersOf)
  return ast._tag === "Suspend" ? membersOf(ast.thunk()) : [ast]
}

/** What the check of a schema says it expects, or else its kind. */
const sayType = (ast: SchemaAST.AST): string => {
  for (const check of ast.checks ?? []) {
    const expected = check.annotations?.["expected"]
    if (Predicate.isString(expected) && ast._tag === "String") return expected
  }
  const expected = ast.annotations?.["expected"]
  if (Predicate.isString(expected)) return expected
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return "text"
    case "Number":
      return "a number"
    case "Boolean":
      return "true or false"
    case "Objects":
      return "a map"
    case "Arrays":
      return "a list"
    case "Null":
      return "nothing"
    default:
      return "another value"
  }
}

/** Where any key goes that has the right form, the form is what is wrong. */
const unexpected = (ast: SchemaAST.AST, path: Path): Mistake => {
  const form = ast._tag === "Objects" && ast.propertySignatures.length === 0 ? ast.indexSignatures[0]?.parameter : undefined
  return form === undefined
    ? { path, kind: "unknown", message: "is not a known key", known: keysOf(ast) }
    : { path, kind: "unknown", message: "is not a valid name", expected: sayType(form) }
}

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []
