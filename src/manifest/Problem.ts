/**
 * One mistake in a manifest, at the place where the value was given.
 * Line 0 means "no line": the value came from the environment or the command line.
 */
import { Schema } from "effect"

export const Problem = Schema.Struct({
  file: Schema.String,
  line: Schema.Int,
  column: Schema.Int,
  /** The key as `--set` takes it: `servers.files.config.port`; empty for the whole file. */
  path: Schema.String,
  message: Schema.String,
  expected: Schema.optionalKey(Schema.String),
  /** The valid name nearest to the one written. */
  suggestion: Schema.optionalKey(Schema.String)
})
export type Problem = typeof Problem.Type

/** `file:line:column: path: what is wrong, expected ..., did you mean "..."?` */
export const sayProblem = ({ column, expected, file, line, message, path, suggestion }: Problem): string => {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const clauses = [
    message,
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(suggestion === undefined ? [] : [`did you mean "${suggestion}"?`])
  ]
  return `${place}: ${path === "" ? "" : `${path}: `}${clauses.join(", ")}`
}

/** The manifest cannot be used; every mistake in it, in the order of the files. */
export class ManifestInvalid extends Schema.TaggedError<ManifestInvalid>()("ManifestInvalid", {
  problems: Schema.Array(Problem)
}) {
  override get message() {
    return this.problems.map(sayProblem).join("\n")
  }
}
