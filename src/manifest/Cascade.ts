/**
 * Lays one manifest over another: maps merge key by key, `servers` merge by id,
 * everything else is replaced whole. Each value keeps the place it came from.
 */
import type { Problem } from "./Problem.ts"
import { child, type Mapping, type Path, type Sequence, type Tree } from "./Tree.ts"

const idOf = (server: Tree): string | undefined => {
  const id = child(server, "id")
  return id?._tag === "Scalar" && typeof id.value === "string" ? id.value : undefined
}

const mergeServers = (base: Sequence, over: Sequence, path: Path): Sequence => {
  const items = [...base.items]
  for (const server of over.items) {
    const id = idOf(server)
    const index = id === undefined ? -1 : items.findIndex((item) => idOf(item) === id)
    const under = items[index]
    if (under === undefined) items.push(server)
    else items[index] = merge(under, server, [...path, index])
  }
  return { ...over, items }
}

export const merge = (base: Tree, over: Tree, path: Path = []): Tree => {
  if (base._tag === "Mapping" && over._tag === "Mapping") return mergeMappings(base, over, path)
  const servers = path.length === 1 && path[0] === "servers"
  if (servers && base._tag === "Sequence" && over._tag === "Sequence") return mergeServers(base, over, path)
  return over
}

export const mergeMappings = (base: Mapping, over: Mapping, path: Path = []): Mapping => {
  const entries = new Map(base.entries)
  for (const [key, entry] of over.entries) {
    const under = entries.get(key)
    entries.set(key, under === undefined ? entry : { ...entry, value: merge(under.value, entry.value, [...path, key]) })
  }
  return { ...base, entries }
}

/** Servers of one file that carry the id of an earlier one; across files that is how to override. */
export const repeatedServers = (file: Mapping): ReadonlyArray<Problem> => {
  const servers = child(file, "servers")
  if (servers?._tag !== "Sequence") return []
  const seen = new Map<string, number>()
  return servers.items.flatMap((server): ReadonlyArray<Problem> => {
    const id = idOf(server)
    const place = child(server, "id")?.at ?? server.at
    const first = id === undefined ? undefined : seen.get(id)
    if (id !== undefined && first === undefined) seen.set(id, place.line)
    if (first === undefined) return []
    return [{
      ...place,
      path: `servers.${id}.id`,
      message: `"${id}" is already the id of the server at line ${first}`,
      expected: "an id of its own for each server"
    }]
  })
}
