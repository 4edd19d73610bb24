/** The manifest as it holds after the cascade: each value with where it came from, secrets hidden. */
import { Result, Schema } from "effect"
import { merge } from "./Cascade.ts"
import { strict } from "./Decode.ts"
import { Manifest } from "./Manifest.ts"
import { fromPlain } from "./Overrides.ts"
import { sayOrigin, shown } from "./Secrets.ts"
import { child, type Path, sayPath, type Tree } from "./Tree.ts"

export interface EffectiveValue {
  /** As `--set` takes it. */
  readonly path: string
  readonly value: string
  /** `file:line`, `environment`, `--set` or `default`. */
  readonly from: string
}

const sample = { version: 1, servers: [{ id: "a", type: "a", auth_strategy: "a" }] }

const defaults = (): Tree => {
  const decoded = Schema.decodeUnknownResult(Manifest, strict)(sample)
  const encoded = Result.flatMap(decoded, Schema.encodeResult(Manifest))
  return fromPlain(Result.getOrElse(encoded, () => ({})), { file: "default", line: 0, column: 0 })
}

export const effectiveOf = (tree: Tree): ReadonlyArray<EffectiveValue> => {
  const base = defaults()
  const server = child(child(base, "servers") ?? base, 0) ?? base
  const all = merge(withServers(base, () => []), tree)
  return leaves(withServers(all, (items) => items.map((item) => merge(server, item))))
}

const withServers = (tree: Tree, change: (items: ReadonlyArray<Tree>) => ReadonlyArray<Tree>): Tree => {
  const servers = child(tree, "servers")
  if (tree._tag !== "Mapping" || servers?._tag !== "Sequence") return tree
  const value: Tree = { ...servers, items: change(servers.items) }
  return { ...tree, entries: new Map(tree.entries).set("servers", { keyAt: servers.at, value }) }
}

const leaves = (root: Tree): ReadonlyArray<EffectiveValue> => {
  const walk = (node: Tree, path: Path): ReadonlyArray<EffectiveValue> => {
    const below = node._tag === "Mapping"
      ? [...node.entries].flatMap(([key, { value }]) => walk(value, [...path, key]))
      : node._tag === "Sequence"
      ? node.items.flatMap((item, index) => walk(item, [...path, index]))
      : []
    return below.length > 0 ? below : [{ path: sayPath(root, path), value: shown(node, path), from: sayOrigin(root, path) }]
  }
  return walk(root, [])
}

/** One line per value, in columns. */
export const sayEffective = (values: ReadonlyArray<EffectiveValue>): string => {
  const lines = values.map(({ from, path, value }) => ({ from, left: `${path}: ${value}` }))
  const width = Math.min(72, Math.max(0, ...lines.map(({ left }) => left.length)))
  return lines.map(({ from, left }) => `${left.padEnd(width)}  # ${from}`).join("\n")
}
