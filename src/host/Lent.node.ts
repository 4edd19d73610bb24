/**
 * The modules the host lends to third-party plugins, as one table.
 * Two copies of effect cannot share a Schema or a Redacted, so a plugin gets ours, also out of
 * the one-file bundle. Each entry makes the bundle larger: add one only when plugins need it.
 */
import * as effect from "effect"
import * as http from "effect/http"
import * as process from "effect/process"
import * as plugin from "#plugin"

export const lent: ReadonlyMap<string, object> = new Map<string, object>([
  ["effect", effect],
  ["effect/http", http],
  ["effect/process", process],
  ["mcp-manifold/plugin", plugin]
])

/** A lent module, or one module of it (`effect/Schema`, `effect/http/HttpClient`). */
export const lentModule = (specifier: string): object | undefined => {
  const whole = lent.get(specifier)
  if (whole !== undefined) return whole
  const slash = specifier.lastIndexOf("/")
  const member: unknown = Reflect.get(lent.get(specifier.slice(0, slash)) ?? {}, specifier.slice(slash + 1))
  return typeof member === "object" && member !== null ? member : undefined
}
