/** What an npm registry says of its packages beside what npm asks it: signatures, its keys, and when a version was published. */
import { Effect, Option, Schema } from "effect"
import { HttpClient } from "effect/http"

const Signature = Schema.Struct({ keyid: Schema.String, sig: Schema.String })

const Version = Schema.Struct({
  dist: Schema.Struct({
    signatures: Schema.optionalKey(Schema.Array(Signature)),
    attestations: Schema.optionalKey(Schema.Struct({
      provenance: Schema.optionalKey(Schema.Struct({ predicateType: Schema.String }))
    }))
  })
})
export type Version = typeof Version.Type

const Key = Schema.Struct({ keyid: Schema.String, scheme: Schema.optionalKey(Schema.String), key: Schema.String, expires: Schema.optionalKey(Schema.NullOr(Schema.String)) })
export type Key = typeof Key.Type

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

/** When a version was published; nothing where the registry does not say. */
export const publishedOf = (registry: string, name: string, version: string) =>
  Effect.map(asked(registry, encoded(name), Times), (found) => {
    const date = Option.getOrUndefined(found)?.time?.[version]
    return typeof date === "string" && Number.isFinite(Date.parse(date)) ? date : undefined
  })
