/**
 * The JSON Schema that editors check a manifest with, made from the same schema
 * that reads it. Each built-in loader adds its own keys for servers of its `type`.
 */
import { type JsonSchema, Predicate, Schema } from "effect"
import { upstreamKeys } from "./AuthorizationServer.ts"
import { Manifest } from "./Manifest.ts"
import { commonKeys } from "./Server.ts"
import { signInKeys } from "./SignIn.ts"
import { OWN_PROVIDER } from "./SignInRules.ts"

type Json = JsonSchema.JsonSchema

/** What is needed of a plugin to describe its part of the manifest. */
export interface Described {
  readonly kind: string
  readonly name: string
  readonly summary: string
  readonly config: Schema.Constraint
}

const isJson = (value: unknown): value is Json => Predicate.isObject(value) && !Array.isArray(value)

/** A struct without keys says "anything" as JSON Schema, but the host takes no key there. */
const isEmpty = ({ ast }: Schema.Constraint) =>
  ast._tag === "Objects" && ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0

const schemaOf = (schema: Schema.Constraint) => {
  if (isEmpty(schema)) return { root: { type: "object", additionalProperties: false }, definitions: {} }
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return { root: withReferences(root), definitions }
}

/** A value that is not free text may also be written as a reference such as `${env:PORT}`. */
const withReferences = (schema: Json): Json => {
  const below = mapBelow(schema, withReferences)
  const { default: standard, description, ...rest } = below
  const typed = rest["type"] === "number" || rest["type"] === "integer" || rest["type"] === "boolean"
  const narrow = rest["type"] === "string" && (rest["pattern"] !== undefined || rest["enum"] !== undefined)
  if (!typed && !narrow) return below
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [rest, { $ref: "#/$defs/reference" }]
  }
}

/** Applied to the schemas of values; those of keys (`propertyNames`) cannot be references. */
const mapBelow = (schema: Json, change: (schema: Json) => Json): Json =>
  Object.fromEntries(Object.entries(schema).map(([keyword, value]) => {
    if (keyword === "properties" || keyword === "patternProperties") {
      return [keyword, isJson(value) ? mapEach(value, change) : value]
    }
    if (keyword === "items" || keyword === "additionalProperties") return [keyword, isJson(value) ? change(value) : value]
    if (keyword === "anyOf" && Array.isArray(value)) return [keyword, value.map((each) => isJson(each) ? change(each) : each)]
    return [keyword, value]
  }))

const mapEach = (schemas: Json, change: (schema: Json) => Json): Json =>
  Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, isJson(each) ? change(each) : each]))

const inside = (schema: Json, ...path: ReadonlyArray<string>): Json => {
  let at: unknown = schema
  for (const key of path) at = isJson(at) ? at[key] : undefined
  return isJson(at) ? at : {}
}

const when = (key: string, name: string, then: Json): Json => ({
  if: { properties: { [key]: { const: name } }, required: [key] },
  then
})

/** Common keys stay what they are, its own keys are as the loader says, and no others. */
const ofLoader = ({ config, name, summary }: Described): Json => {
  const { root } = schemaOf(config)
  const common = Object.fromEntries(commonKeys.map((key) => [key, true]))
  return when("type", name, {
    description: summary,
    ...root,
    properties: { ...common, ...inside(root, "properties") },
    additionalProperties: false
  })
}

const ofStrategy = ({ config, name }: Described): Json =>
  when("auth_strategy", name, { properties: { auth_config: schemaOf(config).root } })

const ofProvider = (keys: ReadonlyArray<string>) => ({ config, name, summary }: Described): Json => {
  const { root } = schemaOf(config)
  const common = Object.fromEntries(keys.map((key) => [key, true]))
  return when("provider", name, {
    description: summary,
    ...root,
    properties: { ...common, ...inside(root, "properties") },
    additionalProperties: false
  })
}

const named = (property: Json, plugins: ReadonlyArray<Described>): Json => {
  const { description, ...rest } = property
  const choices = plugins.map(({ name, summary }) => ({ const: name, description: summary }))
  return { description, anyOf: [...choices, rest] }
}

/** A map whose other keys are those of the provider it names. */
const withProviders = (map: Json, providers: ReadonlyArray<Described>, keys: ReadonlyArray<string>): Json => ({
  ...map,
  properties: { ...inside(map, "properties"), provider: named(inside(map, "properties", "provider"), providers) },
  allOf: providers.map(ofProvider(keys))
})

export const manifestJsonSchema = (plugins: ReadonlyArray<Described>): Json => {
  const { definitions, root } = schemaOf(Manifest)
  const loaders = plugins.filter(({ kind }) => kind === "loader")
  const strategies = plugins.filter(({ kind }) => kind === "auth")
  const providers = plugins.filter(({ kind }) => kind === "provider")
  const properties = inside(root, "properties")
  const servers = inside(properties, "servers")
  const server = inside(properties, "authorization_server")
  const entry = inside(servers, "items")
  const keys = inside(entry, "properties")
  const described: Json = {
    ...entry,
    properties: {
      ...keys,
      type: named(inside(keys, "type"), loaders),
      auth_strategy: named(inside(keys, "auth_strategy"), strategies)
    },
    allOf: [...loaders.map(ofLoader), ...strategies.map(ofStrategy)]
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Manifold manifest",
    description: "Which MCP servers there are, where their code comes from, and who may call them",
    ...root,
    properties: {
      ...properties,
      master_oauth: withProviders(inside(properties, "master_oauth"), providers, signInKeys),
      authorization_server: {
        ...server,
        properties: {
          ...inside(server, "properties"),
          upstream: withProviders(inside(server, "properties", "upstream"), providers.filter(({ name }) => name !== OWN_PROVIDER), upstreamKeys)
        }
      },
      version: { const: 1, description: "Version of this format" },
      servers: { ...servers, items: described }
    },
    $defs: {
      ...definitions,
      ...Object.assign({}, ...plugins.map(({ config }) => schemaOf(config).definitions)),
      reference: {
        type: "string",
        pattern: "\\$\\{(?:env|file|secret):",
        description: "${env:NAME}, ${env:NAME:-default} or ${file:/path}"
      }
    }
  }
}

/** As it stands in the file. */
export const sayJsonSchema = (plugins: ReadonlyArray<Described>): string =>
  `${JSON.stringify(manifestJsonSchema(plugins), null, 2)}\n`
