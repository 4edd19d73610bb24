/**
 * What has to happen so that the servers that run become the servers a manifest
 * wants. Pure: a server that is disabled counts as absent.
 */
import { Equal, Predicate } from "effect"
import type { Manifest } from "./Manifest.ts"
import type { ServerEntry } from "./Server.ts"

export interface Change {
  readonly id: string
  /** `update`: the running instance stays, what is said about it comes into force at once. */
  readonly action: "keep" | "update" | "replace" | "add" | "remove"
  /** The keys that differ, as `config.args`; empty for `keep`. */
  readonly why: ReadonlyArray<string>
}

/** Keys that are read anew for each call or list, so that the instance stays. */
const inPlace = ["prefix", "timeout", "required", "auth_strategy", "auth_config", "tenants", "minimum_release_age"]

/** @param path a key path of a server, such as `auth_config.issuer` */
export const isInPlace = (path: string): boolean => inPlace.includes(path.split(".")[0] ?? "")

const enabled = (manifest: Manifest | undefined) =>
  new Map((manifest?.servers ?? []).filter((server) => server.enabled).map((server) => [server.id, server]))

/** In the order of the wanted manifest, then what goes. */
export const diff = (current: Manifest | undefined, wanted: Manifest): ReadonlyArray<Change> => {
  const before = enabled(current)
  const after = enabled(wanted)
  const stays = [...after.values()].map((server): Change => {
    const old = before.get(server.id)
    if (old === undefined) return { id: server.id, action: "add", why: [returns(current, server.id) ? "enabled" : "id"] }
    const why = differences(asWritten(old), asWritten(server))
    return { id: server.id, action: why.length === 0 ? "keep" : why.every(isInPlace) ? "update" : "replace", why }
  })
  const goes = [...before.keys()].filter((id) => !after.has(id)).map((id): Change => ({
    id,
    action: "remove",
    why: [returns(wanted, id) ? "enabled" : "id"]
  }))
  return [...stays, ...goes]
}

const returns = (manifest: Manifest | undefined, id: string) =>
  manifest?.servers.some((server) => server.id === id) === true

/** The loader's keys at the place where the manifest has them. */
const asWritten = ({ source, ...common }: ServerEntry): Readonly<Record<string, unknown>> => ({ ...source, ...common })

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && Object.getPrototypeOf(value) === Object.prototype

const differences = (
  old: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
  path = ""
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(old), ...Object.keys(next)])].flatMap((key) => {
    const [from, to] = [old[key], next[key]]
    if (Equal.equals(from, to)) return []
    return isMap(from) && isMap(to) ? differences(from, to, `${path}${key}.`) : [`${path}${key}`]
  })
