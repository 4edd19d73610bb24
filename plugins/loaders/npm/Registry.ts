/** What an npm registry says of its packages beside what npm asks it: signatures, its keys, and when a version was published. */
import { createPublicKey, createVerify } from "node:crypto"
import { Effect, Option, Schema } from "effect"
import { HttpClient } from "effect/http"

const Signature = Schema.Struct({ keyid: Schema.String, sig: Schema.String })

const Version = Schema.Struct({
  dist: Schema.Struct({
    signatures: Schema.optionalKey(Schema.Array(Signature)),
    attestations: Schema.optionalKey(Schema.Unknown)
  })
})
export type Version = typeof Version.Type

const Key = Schema.Struct({ keyid: Schema.String, scheme: Schema.optionalKey(Schema.String), key: Schema.String, expires: Schema.optionalKey(Schema.NullOr(Schema.String)) })
export type Key = typeof Key.Type

const Attestations = Schema.Struct({
  attestations: Schema.Array(Schema.Struct({
    bundle: Schema.Struct({
      dsseEnvelope: Schema.Struct({
        payload: Schema.String,
        payloadType: Schema.String,
        signatures: Schema.Array(Schema.Struct({ sig: Schema.String, keyid: Schema.optionalKey(Schema.String) }))
      })
    })
  }))
})

const Keys = Schema.Struct({ keys: Schema.Array(Key) })
const Times = Schema.Struct({ time: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)) })

/** Nothing where the registry does not answer, or not with this. */
const asked = Effect.fnUntraced(function*<S extends Schema.ConstraintDecoder<unknown>>(registry: string, path: string, shape: S) {
  const client = yield* HttpClient.HttpClient
  const text = yield* client.get(`${registry.replace(/\/+$/u, "")}/${path}`).pipe(
    Effect.flatMap((response) => response.status === 200 ? response.text : Effect.succeed("")),
    Effect.timeout("30 seconds"),
    Effect.option
  )
  return Option.flatMap(text, Schema.decodeUnknownOption(Schema.fromJsonString(shape)))
})

const encoded = (name: string) => name.replace("/", "%2f")

export const versionOf = (registry: string, name: string, version: string) => asked(registry, `${encoded(name)}/${encodeURIComponent(version)}`, Version)

/** Of a registry that signs nothing there are none. */
export const keysOf = (registry: string) => Effect.map(asked(registry, "-/npm/v1/keys", Keys), Option.match({ onNone: () => [], onSome: ({ keys }) => keys }))

/** None where the registry has none. */
export const attestationsOf = (registry: string, name: string, version: string) =>
  Effect.map(asked(registry, `-/npm/v1/attestations/${encoded(name)}@${encodeURIComponent(version)}`, Attestations), Option.match({ onNone: () => [], onSome: ({ attestations }) => attestations }))

/** Whether the key signed it (ECDSA with SHA-256). */
export const isBy = ({ key }: Key, signed: string | Buffer, signature: string): boolean => {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" })
    return publicKey.asymmetricKeyType === "ec" && createVerify("SHA256").update(signed).verify(publicKey, signature, "base64")
  } catch {
    return false
  }
}

/** When a version was published; nothing where the registry does not say. */
export const publishedOf = (registry: string, name: string, version: string) =>
  Effect.map(asked(registry, encoded(name), Times), (found) => {
    const date = Option.getOrUndefined(found)?.time?.[version]
    return typeof date === "string" && Number.isFinite(Date.parse(date)) ? date : undefined
  })

/** A key that has expired since is good for what was published before. */
export const wasGood = Effect.fnUntraced(function*(registry: string, { expires = null }: Key, { name, version }: { readonly name: string; readonly version: string }) {
  if (expires === null) return true
  const published = yield* publishedOf(registry, name, version)
  return published !== undefined && Date.parse(published) < Date.parse(expires)
})
