/**
 * What a manifest would change in a gateway, from the fingerprints of both. Pure.
 * Only some keys of a server need a new instance; the others come into force in place.
 */
import type { Fingerprint } from "../admin/Fingerprint.ts"
import { isInPlace } from "../manifest/Diff.ts"
import type { Manifest } from "../manifest/Manifest.ts"

export interface PlannedServer {
  readonly id: string
  /** `update`: the running instance stays, what is said about it changes. */
  readonly action: "add" | "replace" | "update" | "remove" | "keep"
  /** The keys that differ; `id` for a server that is only on one side. */
  readonly why: ReadonlyArray<string>
}

export interface PlannedSetting {
  readonly path: string
  readonly effect: "in place" | "replaces every server" | "replaces the servers that use it" | "at the next start"
}

export interface Plan {
  /** In the order of the manifest, then what goes. */
  readonly servers: ReadonlyArray<PlannedServer>
  /** Settings that are not one server's. */
  readonly settings: ReadonlyArray<PlannedSetting>
}

export const nothing: Fingerprint = { gateway: {}, servers: {} }

const hiddenText = "guard.hidden_text"

export const planOf = (running: Fingerprint, wanted: Fingerprint, manifest: Manifest): Plan => {
  const isFresh = running === nothing
  const settings = isFresh ? [] : differences(running.gateway, wanted.gateway).map((path) => ({ path, effect: effectOf(path) }))
  const everywhere = settings.some(({ path }) => path === hiddenText) ? [hiddenText] : []
  const stays = Object.entries(wanted.servers).map(([id, after]): PlannedServer => {
    const before = Object.hasOwn(running.servers, id) ? running.servers[id] : undefined
    if (before === undefined) return { id, action: "add", why: ["id"] }
    const why = [...differences(before, after), ...everywhere]
    const action = why.length === 0 ? "keep" : why.every(isInPlace) ? "update" : "replace"
    return { id, action, why }
  })
  const goes = Object.keys(running.servers).filter((id) => !Object.hasOwn(wanted.servers, id)).map((id): PlannedServer => ({
    id,
    action: "remove",
    why: [manifest.servers.some((server) => server.id === id) ? "enabled" : "id"]
  }))
  return { servers: [...stays, ...goes], settings }
}

const differences = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>) =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((path) => before[path] !== after[path])

const effectOf = (path: string): PlannedSetting["effect"] => {
  if (path.startsWith("hosting.")) return "at the next start"
  if (path.startsWith("plugins.")) return "replaces the servers that use it"
  return path === hiddenText ? "replaces every server" : "in place"
}
