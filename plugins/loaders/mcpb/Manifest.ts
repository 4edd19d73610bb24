/** What a bundle's manifest.json says of how it is run (MCPB 0.1 to 0.4); the rest of it is for people. */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Loader } from "#plugin"

const Texts = Schema.Array(Schema.String)
const Variables = Schema.Record(Schema.String, Schema.String)

const Wanted = Schema.Struct({
  type: Schema.Literals(["string", "number", "boolean", "directory", "file"]),
  title: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  required: Schema.optionalKey(Schema.Boolean),
  default: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Texts])),
  multiple: Schema.optionalKey(Schema.Boolean),
  sensitive: Schema.optionalKey(Schema.Boolean),
  min: Schema.optionalKey(Schema.Finite),
  max: Schema.optionalKey(Schema.Finite)
})
export type Wanted = typeof Wanted.Type

const Run = { command: Schema.optionalKey(Schema.String), args: Schema.optionalKey(Texts), env: Schema.optionalKey(Variables) }

const Manifest = Schema.Struct({
  name: Schema.String,
  version: Schema.String,
  server: Schema.Struct({
    type: Schema.String,
    entry_point: Schema.optionalKey(Schema.String),
    mcp_config: Schema.optionalKey(Schema.Struct({
      ...Run,
      platform_overrides: Schema.optionalKey(Schema.Record(Schema.String, Schema.Struct(Run)))
    }))
  }),
  user_config: Schema.optionalKey(Schema.Record(Schema.String, Wanted)),
  compatibility: Schema.optionalKey(Schema.Struct({
    platforms: Schema.optionalKey(Texts),
    runtimes: Schema.optionalKey(Schema.Struct({ node: Schema.optionalKey(Schema.String), python: Schema.optionalKey(Schema.String) }))
  }))
})
export type Manifest = typeof Manifest.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))

export const manifestIn = Effect.fnUntraced(function*(source: string, directory: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* files.readFileString(path.join(directory, "manifest.json")).pipe(
    Effect.flatMap(decode),
    Effect.mapError((cause) => new Loader.LoadFailed({ source, step: "read manifest.json", next: "is it an MCP bundle at all?", cause }))
  )
})

/** What is run on this system, before anything is filled in. */
export const runOf = ({ server: { entry_point, mcp_config, type } }: Manifest) => {
  const { args, command, env } = { ...mcp_config, ...mcp_config?.platform_overrides?.[process.platform] }
  const entry = entry_point === undefined ? [] : [`\${__dirname}/${entry_point}`]
  return type === "binary"
    ? { command: command ?? entry[0], args: args ?? [], env: env ?? {} }
    : { command: command ?? type, args: args ?? entry, env: env ?? {} }
}
