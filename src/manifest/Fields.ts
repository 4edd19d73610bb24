/**
 * The kinds of value that keys of the manifest take, and `later`, which keeps a
 * key in the schema while its feature is missing: accepted in form, then refused.
 */
import { Effect, Equal, Schema } from "effect"

export { DurationText, Span } from "../lib/Span.ts"

/** The words that say a valid manifest asks for something this version does not do. */
export const unsupported = "is not supported yet"

/** A check in words; the editor's schema passes over it, without losing the description that follows it. */
export const rule = <T>(check: (value: T) => Schema.FilterOutput) =>
  Schema.makeFilter<T>(check, { toJsonSchema: () => [{}, true] })

/** Names of servers, loaders and strategies: they become parts of tool names, URLs and folders. */
export const ServerId = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9-]{0,62}$/u, {
  expected: "a small letter, then small letters, digits and dashes, 63 characters at most"
}))

export const PluginName = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_-]{0,62}$/u, {
  expected: "the name of a plugin: small letters, digits, _ and -"
}))

export const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }, { expected: "a port from 1 to 65535" }))

/** 0 takes a free port. */
export const ListenPort = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 65535 }, { expected: "a port from 0 (any free one) to 65535" })
)

export const HttpPath = Schema.String.check(Schema.isPattern(/^\/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?$/u, {
  expected: "a path that begins with one /"
}))

export const HttpUrl = Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s/?#@]+(?:[/?#]\S*)?$/u, {
  expected: "an address that begins with https:// or http://, without a user name"
}))

export const Text = Schema.NonEmptyString

export const Texts = Schema.Array(Text)

/** The form a plugin decodes by its own schema. */
export const OwnKeys = Schema.Record(Schema.String, Schema.Unknown)

/** A schema with the sentence that the person editing the YAML reads; it goes into the manual and the editor. */
export const about = <S extends Schema.Top>(schema: S, description: string) =>
  schema.pipe(Schema.annotateEncoded({ description }))

/** The same for a key that may be left out: `value` then stands for it. */
export const fallback = <S extends Schema.Top>(schema: S, description: string, value: S["Encoded"]) =>
  Schema.annotateEncoded<Schema.withDecodingDefaultKey<S>>({ description, default: value })(
    Schema.withDecodingDefaultKey<S>(Effect.succeed(value))(schema)
  )

/** The same for a key that has to be there; `expected` is what its absence is answered with. */
export const required = <S extends Schema.Top>(schema: S, description: string, expected: string) =>
  about(schema, description).pipe(Schema.annotateKey({ messageMissingKey: `is missing, expected ${expected}` }))

/**
 * A key whose feature is missing: its form is checked, and then it is refused; a
 * value that asks for what happens anyway (`harmless`) passes. `schema` may not
 * transform anything: Effect checks what was transformed in a second pass, which
 * mistakes elsewhere would keep from running.
 */
export const later = <S extends Schema.Top>(schema: S, description: string, ...harmless: ReadonlyArray<S["Type"]>) => {
  const refused = Schema.makeFilter<S["Type"]>(
    (value) => harmless.some((each) => Equal.equals(each, value)) || unsupported,
    { later: true, toJsonSchema: () => [{}, true] }
  )
  return Schema.optionalKey(about(schema.check(refused), `${description} (not supported yet)`))
}
