/**
 * A manifest as maps, lists and scalars that each remember where they were
 * written, so that a mistake found after merging still points at its own file.
 */

/** Line and column count from 1; line 0 means that there is no line. */
export interface Origin {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface Scalar {
  readonly _tag: "Scalar"
  readonly at: Origin
  readonly value: string | number | boolean | null
  /** The reference as written, where the value came from one: shown in its place. */
  readonly reference?: string
  /** Text that has no type of its own (environment, `--set`, a reference) and becomes a number where one is wanted. */
  readonly loose?: true
}

export interface Sequence {
  readonly _tag: "Sequence"
  readonly at: Origin
  readonly items: ReadonlyArray<Tree>
}

export interface Entry {
  readonly keyAt: Origin
  readonly value: Tree
}

export interface Mapping {
  readonly _tag: "Mapping"
  readonly at: Origin
  readonly entries: ReadonlyMap<string, Entry>
}

export type Tree = Scalar | Sequence | Mapping

export type Path = ReadonlyArray<string | number>

/** Names that would reach an object's prototype. */
export const isPrototypeName = (name: string) => name === "__proto__" || name === "constructor" || name === "prototype"

/** The tree as plain values. */
export const plain = (tree: Tree): unknown => {
  switch (tree._tag) {
    case "Scalar":
      return tree.value
    case "Sequence":
      return tree.items.map(plain)
    case "Mapping":
      return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]))
  }
}

export const child = (tree: Tree, key: string | number): Tree | undefined => {
  if (tree._tag === "Mapping") return tree.entries.get(String(key))?.value
  if (tree._tag === "Sequence" && typeof key === "number") return tree.items[key]
  return undefined
}

/** The node at `path`; `undefined` where the manifest says nothing. */
export const nodeAt = (tree: Tree, path: Path): Tree | undefined => {
  let node: Tree | undefined = tree
  for (const key of path) node = node === undefined ? undefined : child(node, key)
  return node
}

/** Where `path` was written: the value, or the key, or else the nearest thing around it. */
export const originOf = (tree: Tree, path: Path, part: "key" | "value" = "value"): Origin => {
  let node = tree
  let at = tree.at
  for (const [index, key] of path.entries()) {
    const next = child(node, key)
    if (next === undefined) return at
    const last = index === path.length - 1
    const entry = node._tag === "Mapping" ? node.entries.get(String(key)) : undefined
    const atKey = entry !== undefined && (part === "key" || !last || next._tag !== "Scalar")
    at = atKey ? entry.keyAt : next.at
    node = next
  }
  return at
}

/** The tree with the node at `path` replaced; a path that is not there leaves it as it was. */
export const replaceAt = (tree: Tree, path: Path, change: (node: Tree) => Tree): Tree => {
  const [key, ...rest] = path
  if (key === undefined) return change(tree)
  if (tree._tag === "Sequence") {
    return { ...tree, items: tree.items.map((item, index) => index === key ? replaceAt(item, rest, change) : item) }
  }
  const entry = tree._tag === "Mapping" ? tree.entries.get(String(key)) : undefined
  if (tree._tag !== "Mapping" || entry === undefined) return tree
  const value = replaceAt(entry.value, rest, change)
  return { ...tree, entries: new Map(tree.entries).set(String(key), { ...entry, value }) }
}

/** The path as `--set` takes it: servers by id, other lists by index. */
export const sayPath = (tree: Tree, path: Path): string => {
  let node: Tree | undefined = tree
  const parts: Array<string> = []
  for (const [index, key] of path.entries()) {
    node = node === undefined ? undefined : child(node, key)
    const id: string | undefined = index === 1 && path[0] === "servers" && node !== undefined ? textAt(node, "id") : undefined
    parts.push(id === undefined || id === "" ? String(key) : id)
  }
  return parts.join(".")
}

export const textAt = (tree: Tree, key: string): string | undefined => {
  const node = child(tree, key)
  return node?._tag === "Scalar" && typeof node.value === "string" ? node.value : undefined
}

/** The entries of `servers`, as far as that is a list. */
export const serversOf = (tree: Tree): ReadonlyArray<Tree> => {
  const servers = child(tree, "servers")
  return servers?._tag === "Sequence" ? servers.items : []
}

/** The path of a server by its id. */
export const serverPath = (tree: Tree, id: string): Path => {
  const index = serversOf(tree).findIndex((server) => textAt(server, "id") === id)
  return index === -1 ? ["servers"] : ["servers", index]
}
