/**
 * A manifest as hashes of its values, so that `plan` can compare a file with what
 * runs without either side showing a value. The salt is new with each process.
 */
import { createHmac } from "node:crypto"
import { Predicate, Redacted, Duration } from "effect"
import type { Manifest } from "../manifest/Manifest.ts"

/** By server, then by key path. */
export type Fingerprint = Readonly<Record<string, Readonly<Record<string, string>>>>

export const fingerprint = ({ servers }: Manifest, salt: string): Fingerprint =>
  Object.fromEntries(servers.filter(({ enabled }) => enabled).map(({ source, ...common }) => {
    const values: Record<string, string> = {}
    collect({ ...source, ...common }, "", (path, text) => {
      values[path] = createHmac("sha256", salt).update(text).digest("hex").slice(0, 8)
    })
    return [common.id, values]
  }))

const collect = (value: unknown, path: string, give: (path: string, text: string) => void): void => {
  if (Redacted.isRedacted(value)) return give(path, String(Redacted.value(value)))
  if (Duration.isDuration(value)) return give(path, String(Duration.toMillis(value)))
  if (!Predicate.isObject(value) || Array.isArray(value)) return give(path, JSON.stringify(value) ?? "")
  for (const [key, inner] of Object.entries(value)) collect(inner, path === "" ? key : `${path}.${key}`, give)
}
