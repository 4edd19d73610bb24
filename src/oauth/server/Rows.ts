/** Rows of the store that hold JSON under the hash of a secret: who reads the store gets no token by it. */
import { Clock, Effect, Schema } from "effect"
import { sha256 } from "../../lib/Sha256.ts"
import { utf8 } from "../../lib/Utf8.ts"
import { type Change, type Row, Store, versionAfter } from "../../store/Store.ts"
import { StoreFailed } from "../../store/StoreFailed.ts"

export interface Found<A> {
  readonly key: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly expires: number
  readonly value: A
}

export interface Table<A> {
  readonly find: (key: string) => Effect.Effect<Found<A> | undefined, StoreFailed, Store>
  /** A new row, or the next form of one that was read. */
  readonly writing: (key: string, value: A, row: { readonly expires: number; readonly over?: Found<A> | undefined }) => Effect.Effect<Change>
  readonly removing: (key: string) => Change
  /** All of them; for what is done rarely. */
  readonly all: Effect.Effect<ReadonlyArray<Found<A>>, StoreFailed, Store>
  /** The keys that begin so, those written longest ago first. */
  readonly keys: (prefix: string) => Effect.Effect<ReadonlyArray<string>, StoreFailed, Store>
}

/** @param name of the table in the store */
export const table = <A>(name: string, schema: Schema.Codec<A, unknown>): Table<A> => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  const decode = Schema.decodeUnknownEffect(json)
  const encode = Schema.encodeSync(json)
  const foundIn = Effect.fnUntraced(function*(row: Row) {
    const value = yield* Effect.mapError(decode(utf8.from(row.value)), (cause) => new StoreFailed({ operation: `read ${name}`, trouble: "damaged", cause }))
    return { key: row.key, version: row.version, expires: row.expires ?? 0, value }
  })
  return {
    find: Effect.fnUntraced(function*(key) {
      const row = yield* (yield* Store).get(name, key)
      return row === undefined ? undefined : yield* foundIn(row)
    }),
    all: Effect.flatMap(Store, (store) => Effect.flatMap(store.list(name, ""), (rows) => Effect.forEach(rows, foundIn))),
    writing: Effect.fnUntraced(function*(key, value, { expires, over }) {
      const now = yield* Clock.currentTimeMillis
      const becomes = { value: utf8.to(encode(value)), version: versionAfter(over, now), written: now, expires }
      return { table: name, key, replaces: over?.version ?? 0, becomes }
    }),
    removing: (key) => ({ table: name, key }),
    keys: (prefix) =>
      Effect.flatMap(Store, (store) =>
        Effect.map(store.list(name, prefix), (rows) => [...rows].sort((a, b) => a.written - b.written).map(({ key }) => key)))
  }
}

/** The key of a row about a secret. */
export const keyOf = sha256
