/** An entry of the official MCP registry format (server.json, schema 2025-12-11): the part of it that says what to run and what to give it. */
import { Schema } from "effect"

const text = Schema.optionalKey(Schema.String)
const flag = Schema.optionalKey(Schema.Boolean)

const input = {
  description: text,
  isRequired: flag,
  format: Schema.optionalKey(Schema.Literals(["string", "number", "boolean", "filepath"])),
  value: text,
  isSecret: flag,
  default: text,
  choices: Schema.optionalKey(Schema.Array(Schema.String))
}
export const Input = Schema.Struct(input)
export type Input = typeof Input.Type

const variables = Schema.optionalKey(Schema.Record(Schema.String, Input))

const Named = Schema.Struct({ name: Schema.String, ...input, variables })
export type Named = typeof Named.Type

export const Argument = Schema.Struct({
  type: Schema.Literals(["positional", "named"]),
  name: text,
  valueHint: text,
  isRepeated: flag,
  ...input,
  variables
})
export type Argument = typeof Argument.Type

const Remote = Schema.Struct({
  type: Schema.Literals(["streamable-http", "sse"]),
  url: Schema.String,
  headers: Schema.optionalKey(Schema.Array(Named)),
  variables
})

const Package = Schema.Struct({
  registryType: Schema.String,
  registryBaseUrl: text,
  identifier: Schema.String,
  version: text,
  fileSha256: text,
  transport: Schema.optionalKey(Schema.Struct({ type: Schema.String })),
  /** Arguments of npx or docker: they shape nothing here, and are only counted. */
  runtimeArguments: Schema.optionalKey(Schema.Array(Schema.Struct({ type: Schema.String }))),
  packageArguments: Schema.optionalKey(Schema.Array(Argument)),
  environmentVariables: Schema.optionalKey(Schema.Array(Named))
})

/** What of an entry is taken: one package, or one address. It is what the lock keeps. */
export const Taken = Schema.Union([
  Schema.Struct({ package: Package }),
  Schema.Struct({ remote: Remote })
])
export type Taken = typeof Taken.Type
export type Package = typeof Package.Type
export type Remote = typeof Remote.Type

export const Entry = Schema.Struct({
  name: Schema.String,
  version: Schema.String,
  packages: Schema.optionalKey(Schema.NullOr(Schema.Array(Package))),
  remotes: Schema.optionalKey(Schema.NullOr(Schema.Array(Remote)))
})
export type Entry = typeof Entry.Type

const Official = Schema.Struct({ status: text, statusMessage: text, publishedAt: text })

/** What the API of a registry answers with. */
export const Answer = Schema.Struct({
  server: Entry,
  _meta: Schema.optionalKey(Schema.Struct({ "io.modelcontextprotocol.registry/official": Schema.optionalKey(Official) }))
})
export type Answer = typeof Answer.Type

export const Answers = Schema.Struct({ servers: Schema.Array(Answer) })

export const officialOf = ({ _meta = {} }: Answer): typeof Official.Type => _meta["io.modelcontextprotocol.registry/official"] ?? {}
