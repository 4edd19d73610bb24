/**
 * `x-mcp-header` in a tool's input schema: the client mirrors that argument into
 * the header `Mcp-Param-<name>` (2026-07-28, basic/transports/streamable-http).
 */
import { isRecord } from "../lib/Record.ts"

export interface ParamHeader {
  /** The header in lower case, `mcp-param-` included. */
  readonly header: string
  /** Keys from `arguments` to the value. */
  readonly path: ReadonlyArray<string>
}

const token = /^[!#$%&'*+.^_`|~A-Za-z0-9-]+$/u
const MIRRORED = new Set(["integer", "string", "boolean"])

/** The headers of a schema, or why the tool has to stay out. */
export const paramHeadersOf = (schema: unknown): ReadonlyArray<ParamHeader> | string => {
  const found: Array<ParamHeader> = []
  const problem = visit(schema, [], true, found)
  if (problem !== undefined) return problem
  const names = new Set(found.map(({ header }) => header))
  return names.size === found.length ? found : "has two arguments with one x-mcp-header"
}

/** `mirrors` is false where a header could not be derived from the arguments alone: under items, anyOf and the like. */
const visit = (
  schema: unknown,
  path: ReadonlyArray<string>,
  mirrors: boolean,
  found: Array<ParamHeader>
): string | undefined => {
  if (Array.isArray(schema)) return first(schema, (part) => visit(part, path, false, found))
  if (!isRecord(schema)) return undefined
  const name = schema["x-mcp-header"]
  if (name !== undefined) {
    if (typeof name !== "string" || !token.test(name)) return "has an x-mcp-header that is no header name"
    if (!mirrors || path.length === 0) return "has an x-mcp-header that no argument leads to"
    if (typeof schema["type"] !== "string" || !MIRRORED.has(schema["type"])) return "has an x-mcp-header on a value that is no integer, string or boolean"
    found.push({ header: `mcp-param-${name.toLowerCase()}`, path })
  }
  return first(Object.entries(schema), ([key, value]) => {
    if (key !== "properties" || !isRecord(value)) return visit(value, path, false, found)
    return first(Object.entries(value), ([property, part]) => visit(part, [...path, property], mirrors, found))
  })
}

const first = <A>(all: ReadonlyArray<A>, look: (one: A) => string | undefined): string | undefined => {
  for (const one of all) {
    const problem = look(one)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The header values that belong to these arguments; `null` and absent values have none. */
export const headersFor = (
  headers: ReadonlyArray<ParamHeader>,
  args: unknown
): ReadonlyArray<{ readonly header: string; readonly value: string }> =>
  headers.flatMap(({ header, path }) => {
    const value = path.reduce<unknown>((inside, key) => isRecord(inside) ? inside[key] : undefined, args)
    return typeof value === "string" || typeof value === "boolean" || typeof value === "number"
      ? [{ header, value: String(value) }]
      : []
  })
