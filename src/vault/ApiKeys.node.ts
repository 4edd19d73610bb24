/** API keys in the store. Nothing is remembered here: who asks says how long it believes the answer. */
import { hash, timingSafeEqual } from "node:crypto"
import { Clock, Effect, Layer, Redacted, Schema } from "effect"
import { utf8 } from "../lib/Utf8.ts"
import { type Change, type Row, Store, versionAfter } from "../store/Store.ts"
import { StoreFailed } from "../store/StoreFailed.ts"
import { freshSecret, isMarked } from "./Marked.ts"
import { type ApiKey, ApiKeyRefused, ApiKeys, KEY_PREFIX, type ListedKey, NameTaken, type NewKey } from "./ApiKeys.ts"

const KEYS = "api_keys"
/** One row for each name in use, so that no two keys get it at once. */
const NAMES = "api_key_names"

const Kept = Schema.Struct({
  name: Schema.String,
  scopes: Schema.Array(Schema.String),
  hash: Schema.String,
  lastFour: Schema.String,
  created: Schema.Int,
  expires: Schema.optionalKey(Schema.Int),
  revoked: Schema.optionalKey(Schema.Int)
})
type Kept = typeof Kept.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Kept))
const encode = Schema.encodeSync(Schema.fromJsonString(Kept))

export const layer: Layer.Layer<ApiKeys, never, Store> = Layer.effect(ApiKeys, Effect.map(Store, (store) => {
  const keptIn = (row: Row) =>
    Effect.mapError(decode(utf8.from(row.value)), (cause) => new StoreFailed({ operation: "read an API key", trouble: "damaged", cause }))

  const lookUp = Effect.fnUntraced(function*(digest: string) {
    const row = yield* store.get(KEYS, idOf(digest))
    if (row === undefined) return yield* new ApiKeyRefused({ reason: "unknown" })
    const kept = yield* keptIn(row)
    if (!isSame(kept.hash, digest)) return yield* new ApiKeyRefused({ reason: "unknown" })
    return kept
  })

  const find: ApiKeys["Service"]["find"] = Effect.fnUntraced(function*(key) {
    const text = Redacted.value(key)
    if (!(yield* isMarked(KEY_PREFIX, text))) return yield* new ApiKeyRefused({ reason: "unknown" })
    const now = yield* Clock.currentTimeMillis
    const digest = hash("sha256", text, "hex")
    const kept = yield* lookUp(digest)
    if (kept.revoked !== undefined) return yield* new ApiKeyRefused({ reason: "revoked" })
    if (kept.expires !== undefined && kept.expires <= now) return yield* new ApiKeyRefused({ reason: "expired" })
    return apiKey(digest, kept)
  })

  const create: ApiKeys["Service"]["create"] = Effect.fn("ApiKeys.create")(function*({ expires, name, scopes }: NewKey) {
    const created = yield* Clock.currentTimeMillis
    const text = yield* freshSecret(KEY_PREFIX)
    const digest = hash("sha256", text, "hex")
    const kept: Kept = { name, scopes, hash: digest, lastFour: text.slice(-4), created, ...(expires === undefined ? {} : { expires }) }
    yield* store.apply([
      { table: NAMES, key: name, replaces: 0, becomes: rowOf(idOf(digest), created) },
      { table: KEYS, key: idOf(digest), replaces: 0, becomes: rowOf(encode(kept), created) }
    ]).pipe(Effect.catchTag("RowChanged", () => new NameTaken({ name })))
    return { key: Redacted.make(text), made: listed(idOf(digest), kept) }
  })

  const list = Effect.gen(function*() {
    const rows = yield* store.list(KEYS, "")
    const all = yield* Effect.forEach(rows, (row) => Effect.map(keptIn(row), (kept) => listed(row.key, kept)))
    return all.sort((a, b) => a.created - b.created)
  })

  const revoke = Effect.fn("ApiKeys.revoke")(function*(nameOrId: string) {
    const name = yield* store.get(NAMES, nameOrId)
    const row = yield* store.get(KEYS, name === undefined ? nameOrId : utf8.from(name.value))
    const kept = row === undefined ? undefined : yield* keptIn(row)
    if (row === undefined || kept === undefined || kept.revoked !== undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const revoked: Kept = { ...kept, revoked: now }
    const changes: ReadonlyArray<Change> = [
      { table: NAMES, key: kept.name },
      { table: KEYS, key: row.key, replaces: row.version, becomes: { ...rowOf(encode(revoked), now), version: versionAfter(row, now) } }
    ]
    yield* store.apply(changes)
    return listed(row.key, revoked)
  }, Effect.retry({ while: ({ _tag }) => _tag === "RowChanged", times: 5 }), Effect.catchTag("RowChanged", Effect.die))

  return ApiKeys.of({ find, create, list, revoke })
}))

/** Enough of the hash to find the row; the whole of it is compared. */
const idOf = (digest: string) => digest.slice(0, 16)

const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const rowOf = (text: string, now: number) => ({ value: utf8.to(text), version: versionAfter(undefined, now), written: now })

const apiKey = (digest: string, { expires, name, scopes }: Kept): ApiKey => ({
  id: idOf(digest),
  name,
  scopes,
  ...(expires === undefined ? {} : { expires })
})

const listed = (id: string, { hash: _, ...kept }: Kept): ListedKey => ({ id, ...kept })
