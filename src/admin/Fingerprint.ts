/**
 * A manifest as hashes of its values by key path, so that `plan` can compare a file
 * with what runs without either side showing a value. The salt is new with each
 * process; of a secret so little of the hash is kept that guesses cannot be checked.
 */
import { createHmac } from "node:crypto"
import { Duration, Predicate, Redacted, Schema } from "effect"
import type { Manifest } from "../manifest/Manifest.ts"
import { isSecretPath } from "../manifest/Secrets.ts"

const Hashes = Schema.Record(Schema.String, Schema.String)

export const Fingerprint = Schema.Struct({
  /** What is not one server's: `routing.timeout`, `plugins../plugins/mine.mjs.version`. */
  gateway: Hashes,
  /** The enabled servers by id, the loader's keys where the manifest has them. */
  servers: Schema.Record(Schema.String, Hashes)
})
export type Fingerprint = typeof Fingerprint.Type

/** What `GET /api/v1/fingerprints` answers. */
export const Salted = Schema.Struct({ salt: Schema.String, ...Fingerprint.fields })

export const fingerprint = (manifest: Manifest, salt: string): Fingerprint => {
  const { aggregation, guard, hosting, plugins, routing, servers } = manifest
  const hashes = (value: object) =>
    Object.fromEntries(leaves(value, []).map(([path, text]) => [
      path.join("."),
      createHmac("sha256", salt).update(text).digest("hex").slice(0, isSecretPath(path) ? 3 : 16)
    ]))
  const used = Object.fromEntries(plugins.map((plugin) => [plugin.use, plugin]))
  return {
    gateway: hashes({ aggregation, guard, hosting, routing, plugins: used }),
    servers: Object.fromEntries(
      servers.filter(({ enabled }) => enabled).map(({ source, ...common }) => [common.id, hashes({ ...source, ...common })])
    )
  }
}

type Leaf = readonly [path: ReadonlyArray<string>, text: string]

/** Maps are entered, lists are one value: that is how people speak of what they changed. */
const leaves = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<Leaf> =>
  isMap(value)
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
    : [[path, canonical(value)]]

const isMap = (value: unknown): value is object =>
  Predicate.isObject(value) && !Array.isArray(value) && !Redacted.isRedacted(value) && !Duration.isDuration(value)

/** Equal text for equal values, whatever the order of keys. */
const canonical = (value: unknown): string => {
  if (Redacted.isRedacted(value)) return canonical(Redacted.value(value))
  if (Duration.isDuration(value)) return String(Duration.toMillis(value))
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!Predicate.isObject(value)) return JSON.stringify(value) ?? ""
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`
}
