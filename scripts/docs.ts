/** Writes docs/manifest.md from the manifest's JSON Schema; with --check it only says (exit 1) whether the file is stale. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { builtIn } from "../plugins/node.ts"
import { manifestJsonSchema } from "../src/manifest/JsonSchema.ts"
import { commonKeys } from "../src/manifest/Server.ts"

/** What of JSON Schema the manifest's uses. */
interface Json {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly pattern?: string
  readonly enum?: ReadonlyArray<string>
  readonly anyOf?: ReadonlyArray<Json>
  readonly allOf?: ReadonlyArray<{ readonly if: Json; readonly then: Json }>
  readonly items?: Json
  readonly properties?: Readonly<Record<string, Json | true>>
  readonly patternProperties?: Readonly<Record<string, Json>>
  readonly required?: ReadonlyArray<string>
  readonly $ref?: string
}

interface Row {
  readonly key: string
  readonly takes: string
  readonly standard: string
  readonly meaning: string
}

/** Every key below `schema`, maps before their own keys. */
const rowsOf = ({ properties = {}, required = [] }: Json, path = ""): ReadonlyArray<Row> =>
  Object.entries(properties).flatMap(([name, schema]) => {
    if (schema === true) return []
    const key = path + name
    const isMap = schema.properties !== undefined
    const standard = required.includes(name) ? "required" : schema.default === undefined || isMap ? "" : code(JSON.stringify(schema.default))
    const row = { key, takes: takes(schema), standard, meaning: schema.description ?? "" }
    const choice = schema.anyOf?.find((each) => each.properties !== undefined) ?? {}
    const named = Object.values(schema.patternProperties ?? {}).flatMap(({ anyOf = [] }) => anyOf.flatMap((each) => rowsOf(each, `${key}.NAME.`)))
    return [row, ...rowsOf(schema, `${key}.`), ...rowsOf(choice, `${key}.`), ...rowsOf(schema.items ?? {}, `${key}[].`), ...named]
  })

const takes = (schema: Json): string => {
  if (schema.$ref !== undefined) return ""
  if (schema.const !== undefined) return code(String(schema.const))
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ")
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(takes).filter((each) => each !== ""))].join(", ")
  if (schema.type === "array") return `list of ${schema.items === undefined ? "anything" : plural(takes(schema.items))}`
  if (schema.type === "object") return "map"
  if (schema.pattern?.includes("(ms|millis") === true) return "time"
  return { string: "text", integer: "number", number: "number", boolean: "true, false" }[schema.type ?? ""] ?? "anything"
}

const plural = (kind: string) => kind === "text" ? "texts" : kind === "map" ? "maps" : kind

const code = (text: string) => `\`${text}\``

const table = (rows: ReadonlyArray<Row>): string =>
  rows.length === 0 ? "No keys of its own." : [
    "| Key | Takes | Default | Meaning |",
    "|---|---|---|---|",
    ...rows.map(({ key, meaning, standard, takes }) =>
      `| ${[code(key), takes, standard, meaning].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
  ].join("\n")

const section = (level: number, title: string, ...parts: ReadonlyArray<string>) =>
  [`${"#".repeat(level)} ${title}`, ...parts.filter((part) => part !== "")].join("\n\n")

/** The conditions that ask for `key`: the loaders or strategies of a server, the providers of sign-in. */
const kinds = (server: Json, key: string): ReadonlyArray<readonly [name: string, then: Json]> =>
  (server.allOf ?? []).flatMap((each) => {
    const condition = each.if.properties?.[key]
    return condition === undefined || condition === true ? [] : [[String(condition.const), each.then]]
  })

const manual = (): string => {
  const root = manifestJsonSchema(builtIn) as Json
  const { plugins = {}, servers = {}, version: _, ...others } = root.properties as Record<string, Json>
  const server = servers.items ?? {}
  const summaries = new Map(builtIn.map(({ name, summary }) => [name, summary]))
  const loaders = kinds(server, "type").map(([name, then]) =>
    section(3, `type: ${name}`, `${summaries.get(name)}.`, table(rowsOf(then).filter(({ key }) => !commonKeys.includes(key)))))
  const strategies = kinds(server, "auth_strategy").map(([name, then]) => {
    const config = then.properties?.["auth_config"]
    return section(3, `auth_strategy: ${name}`, `${summaries.get(name)}.`, table(config === undefined || config === true ? [] : rowsOf(config, "auth_config.")))
  })
  const providers = kinds(others["master_oauth"] ?? {}, "provider").map(([name, then]) =>
    section(3, `provider: ${name}`, `${summaries.get(name)}.`, table(rowsOf(then, "master_oauth."))))
  const tops = Object.entries(others).map(([name, schema]) =>
    section(
      2,
      name,
      `${schema.description}.`,
      schema.properties === undefined ? `Takes ${takes(schema)}.` : table(rowsOf(schema, `${name}.`)),
      ...(name === "master_oauth" ? providers : [])
    ))
  return [
    readFileSync(new URL("docs.head.md", import.meta.url), "utf8").trimEnd(),
    section(2, "servers", `${servers.description}. The keys every server may have; all others are its loader's.`, table(rowsOf(server))),
    ...loaders,
    ...strategies,
    section(2, "plugins", `${plugins.description}; see [plugins.md](plugins.md).`, table(rowsOf(plugins.items ?? {}))),
    ...tops
  ].join("\n\n") + "\n"
}

const file = new URL("../docs/manifest.md", import.meta.url)
const wanted = manual()
if (!process.argv.includes("--check")) {
  writeFileSync(file, wanted)
  console.log("docs/manifest.md written")
} else if (existsSync(file) && readFileSync(file, "utf8") === wanted) {
  console.log("docs/manifest.md is fresh")
} else {
  console.error("docs/manifest.md is stale: run node scripts/docs.ts")
  process.exitCode = 1
}
