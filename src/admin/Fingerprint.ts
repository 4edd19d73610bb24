/**
 * A manifest as hashes of its values by key path, so that `plan` can compare a file
 * with what runs without either side showing a value. The salt is new with each
 * process; of a secret so little of the hash is kept that guesses cannot be checked.
 */
import { Duration, Effect, Predicate, Redacted, Schema } from "effect"
import { Hex } from "effect/encoding"
import { canonical } from "../lib/Canonical.ts"
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

export const fingerprint = Effect.fn("fingerprint")(function*(manifest: Manifest, salt: string) {
  const { access, aggregation, api_keys, audit, authorization_server, guard, hosting, master_oauth, oauth_delegation, plugins, routing, servers } = manifest
  const used = Object.fromEntries(plugins.map((plugin) => [plugin.use, plugin]))
  const enabled = servers.filter((server) => server.enabled)
  const key = yield* keyOf(salt)
  const gateway = yield* hashesOf(key, { aggregation, guard, hosting, oauth_delegation, routing, api_keys, master_oauth: master_oauth ?? {}, access: access ?? {}, audit: audit ?? {}, authorization_server: authorization_server ?? {}, plugins: used })
  const each = yield* Effect.forEach(enabled, ({ source, ...common }) =>
    Effect.map(hashesOf(key, { ...source, ...common }), (hashes) => [common.id, hashes] as const))
  return { gateway, servers: Object.fromEntries(each) }
})

const bytesOf = (text: string) => new TextEncoder().encode(text)

const keyOf = (salt: string) =>
  Effect.promise(() => crypto.subtle.importKey("raw", bytesOf(salt), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]))

type Key = Effect.Success<ReturnType<typeof keyOf>>

const hashesOf = Effect.fnUntraced(function*(key: Key, value: object) {
  const hashes = yield* Effect.forEach(leaves(value, []), ([path, text]) =>
    Effect.map(Effect.promise(() => crypto.subtle.sign("HMAC", key, bytesOf(text))), (hash) => {
      const kept = isSecretPath(path) ? 3 : 16
      return [path.join("."), Hex.encode(new Uint8Array(hash)).slice(0, kept)] as const
    }))
  return Object.fromEntries(hashes)
})

type Leaf = readonly [path: ReadonlyArray<string>, text: string]

/** Maps are entered, lists are one value: that is how people speak of what they changed. */
const leaves = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<Leaf> =>
  isMap(value)
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
    : [[path, canonical(value, plain)]]

const isMap = (value: unknown): value is object =>
  Predicate.isObject(value) && !Array.isArray(value) && !Redacted.isRedacted(value) && !Duration.isDuration(value)

const plain = (value: unknown): unknown =>
  Redacted.isRedacted(value) ? Redacted.value(value) : Duration.isDuration(value) ? Duration.toMillis(value) : value
