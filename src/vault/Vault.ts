/**
 * Secrets and tokens at rest: rows of the store, each sealed for its own place. A row that does not
 * open is set aside with the reason and never deleted; a key that is not the right one opens nothing.
 */
import { Clock, Context, Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { Base64 } from "effect/encoding"
import { utf8 } from "../lib/Utf8.ts"
import type { RefreshFailed } from "../plugin/Keep.ts"
import { type Row, Store, versionAfter } from "../store/Store.ts"
import { RowChanged, type StoreFailed } from "../store/StoreFailed.ts"
import { KeyRing, type VaultFailed } from "./KeyRing.ts"
import { KeySource } from "./KeySource.ts"
import { type Refresh, refreshingIn } from "./Refreshing.ts"
import { type Entry, type Opened, type PutOptions, VAULT_TABLES, type VaultTable } from "./Row.ts"
import { keyIdOf, Sealing } from "./Sealing.ts"

export class Vault extends Context.Service<Vault, {
  readonly get: (table: VaultTable, key: string) => Effect.Effect<Opened | undefined, VaultFailed>
  /** Gives the row's version; fails with `RowChanged` only where `replaces` is said. */
  readonly put: (
    table: VaultTable,
    key: string,
    value: Redacted.Redacted<string>,
    options?: PutOptions
  ) => Effect.Effect<number, VaultFailed | RowChanged>
  /** Gives the row to one asker alone, and removes it. */
  readonly take: (table: VaultTable, key: string) => Effect.Effect<Opened | undefined, VaultFailed>
  /** Says whether there was one. */
  readonly remove: (table: VaultTable, key: string) => Effect.Effect<boolean, StoreFailed>
  readonly list: (table: VaultTable, prefix?: string) => Effect.Effect<ReadonlyArray<Entry>, StoreFailed>
  /**
   * Runs a refresh of the row once, however many ask for it in however many processes, and gives all
   * of them its outcome. It never deletes the row.
   */
  readonly refreshing: (refresh: Refresh) => Effect.Effect<Opened, RefreshFailed | VaultFailed>
  /** Whether the key is the right one; makes nothing. */
  readonly check: Effect.Effect<void, VaultFailed>
  /** How many rows did not open and were set aside. */
  readonly setAside: Effect.Effect<number, StoreFailed>
}>()("manifold/vault/Vault") {
  static readonly layer = Layer.effect(Vault, Effect.gen(function*() {
    const store = yield* Store
    const ring = yield* KeyRing
    const sealing = yield* Sealing
    const source = yield* KeySource

    /** Moves a row out of the way, unless it was changed meanwhile. */
    const putAside = Effect.fnUntraced(function*(row: Row, reason: string) {
      const now = yield* Clock.currentTimeMillis
      const value = utf8.to(encodeLost({ reason, version: row.version, value: Base64.encode(row.value) }))
      yield* store.apply([
        { table: ROWS, key: row.key, replaces: row.version },
        { table: LOST, key: `${row.key}@${row.version}`, becomes: { value, version: row.version, written: now } }
      ])
      yield* Effect.logError(`A row of the vault was set aside: ${reason}`, { row: row.key })
    })

    const opened = Effect.fnUntraced(function*(table: VaultTable, key: string, row: Row) {
      const id = keyIdOf(row.value)
      const keys = yield* ring.read
      const master = id === undefined ? undefined : keys?.known.get(id)
      if (master === undefined) {
        yield* putAside(row, id === undefined ? "it is no sealed row" : `it is sealed with a key (${id}) that this vault does not have`)
        return undefined
      }
      const plain = yield* sealing.open(master, { table, key, version: row.version }, row.value)
      if (plain === undefined) {
        yield* putAside(row, "it was changed, or moved from another place, since it was sealed")
        return undefined
      }
      return { ...entryOf(table, row), value: Redacted.make(utf8.from(Redacted.value(plain))) }
    })

    const get = Effect.fn("Vault.get")(function*(table: VaultTable, key: string) {
      const row = yield* store.get(ROWS, rowKey(table, key))
      return row === undefined ? undefined : yield* opened(table, key, row)
    }, Effect.retry({ while: ({ _tag }) => _tag === "RowChanged", times: MOST_TRIES }), Effect.catchTag("RowChanged", Effect.die))

    const put = Effect.fn("Vault.put")(function*(
      table: VaultTable,
      key: string,
      value: Redacted.Redacted<string>,
      { expires, replaces }: PutOptions = {}
    ) {
      const { current } = yield* ring.made
      const row = yield* store.get(ROWS, rowKey(table, key))
      const before = row?.version ?? 0
      if (replaces !== undefined && replaces !== before) return yield* new RowChanged({ table, key })
      const now = yield* Clock.currentTimeMillis
      const version = versionAfter(row, now)
      const sealed = yield* sealing.seal(current, { table, key, version }, Redacted.make(utf8.to(Redacted.value(value))))
      const becomes = { value: sealed, version, written: now, ...(expires === undefined ? {} : { expires }) }
      yield* store.apply([{ table: ROWS, key: rowKey(table, key), replaces: before, becomes }])
      return version
    }, (effect, _table, _key, _value, options) =>
      Effect.retry(effect, { while: ({ _tag }) => _tag === "RowChanged" && options?.replaces === undefined, times: MOST_TRIES }))

    const take = Effect.fn("Vault.take")(function*(table: VaultTable, key: string) {
      const found = yield* get(table, key)
      if (found === undefined) return undefined
      yield* store.apply([{ table: ROWS, key: rowKey(table, key), replaces: found.version }])
      return found
    }, Effect.catchTag("RowChanged", () => Effect.undefined))

    const remove = Effect.fn("Vault.remove")(function*(table: VaultTable, key: string) {
      const row = yield* store.get(ROWS, rowKey(table, key))
      if (row !== undefined) yield* store.apply([{ table: ROWS, key: row.key }])
      return row !== undefined
    }, Effect.catchTag("RowChanged", Effect.die))

    const list = (table: VaultTable, prefix = "") =>
      Effect.map(store.list(ROWS, rowKey(table, prefix)), (found) => found.map((row) => entryOf(table, row)))

    const upkeep = Effect.suspend(() => ring.isOpen() ? Effect.andThen(ring.read, store.removeExpired) : Effect.void).pipe(
      Effect.catch((error) => Effect.logError(error.message)),
      Effect.repeat(Schedule.spaced(UPKEEP))
    )
    yield* Effect.forkScoped(upkeep)

    return Vault.of({
      get,
      put,
      take,
      remove,
      list,
      refreshing: refreshingIn({ store, get, put, scope: yield* Effect.scope }),
      check: Effect.flatMap(ring.read, (keys) => keys === undefined ? Effect.asVoid(source.find) : Effect.void),
      setAside: Effect.map(store.list(LOST, ""), (lost) => lost.length)
    })
  }))

  /** All of the vault above a store and a source of its key. */
  static readonly whole = Vault.layer.pipe(Layer.provideMerge(KeyRing.layer), Layer.provideMerge(Sealing.layer))
}

/** The store's tables: sealed rows, and those that do not open. */
export const ROWS = "vault"
const LOST = "vault_lost"

const MOST_TRIES = 20
/** How soon a gateway that runs learns of a new key, and rows that expired are gone from the file. */
const UPKEEP = "1 minute"

const Lost = Schema.fromJsonString(Schema.Struct({ reason: Schema.String, version: Schema.Int, value: Schema.String }))
const encodeLost = Schema.encodeSync(Lost)

export const rowKey = (table: VaultTable, key: string): string => `${table}/${key}`

/** Which row of the vault a row of the store is; nothing for what no vault wrote. */
export const placeOf = ({ key }: Pick<Row, "key">): { readonly table: VaultTable; readonly key: string } | undefined => {
  const table = VAULT_TABLES.find((table) => key.startsWith(rowKey(table, "")))
  return table === undefined ? undefined : { table, key: key.slice(rowKey(table, "").length) }
}

const entryOf = (table: VaultTable, { expires, key, version, written }: Row): Entry => ({
  key: key.slice(rowKey(table, "").length),
  version,
  written,
  ...(expires === undefined ? {} : { expires })
})
