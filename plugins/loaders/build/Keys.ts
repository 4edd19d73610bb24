/** Keys that every loader takes which builds what it has fetched. */
import { Schema } from "effect"

/** A check in words, which the editor's schema passes over. */
export const rule = <T>(check: (value: T) => Schema.FilterOutput) =>
  Schema.makeFilter<T>(check, { toJsonSchema: () => [{}, true] })

/** An address without user, query and fragment; http on loopback alone. */
export const IndexUrl = Schema.String.check(
  Schema.isPattern(/^(?:https:\/\/(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:.]+\])|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d{1,5})?(?:\/[A-Za-z0-9._~%+,=:/-]*)?$/u, {
    message: "expected an https address without user and password (http only for loopback)"
  })
)

export const PUBLIC_REGISTRY = "https://registry.npmjs.org/"
export const PUBLIC_INDEX = "https://pypi.org/simple"

export const buildKeys = {
  command: Schema.optionalKey(Schema.NonEmptyString.check(
    Schema.isPattern(/^[^\0\r\n]+$/u, { expected: "one program, without arguments: those go into config.args" })
  ).annotate({
    description: "Program to run instead of what would be detected, with config.args as its arguments; one with a slash is a file of the server's folder"
  })),
  build: Schema.optionalKey(Schema.Union([
    Schema.Literal(false),
    Schema.Array(Schema.NonEmptyString).check(Schema.isMinLength(1))
  ]).annotate({
    description: "Command that builds the server, as a list such as [npm, run, build]; false builds nothing; left out, it is found out",
    message: "expected false or a command as a list, such as [npm, run, build]"
  })),
  registry: Schema.optionalKey(IndexUrl.annotate({ description: "npm registry for all dependencies; the public one when left out" })),
  index_url: Schema.optionalKey(IndexUrl.annotate({ description: "Python package index for all dependencies, and no other; the public one when left out" }))
}
