/**
 * Where the gateway keeps what outlives it: rows by (table, key), each with a version.
 * Whoever writes names the version it read; a row that expired is one that is not there.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { RowChanged, type StoreFailed } from "./StoreFailed.ts"

export interface Row {
  readonly key: string
  readonly value: Uint8Array
  readonly version: number
  /** Milliseconds since 1970, as `expires`. */
  readonly written: number
  readonly expires?: number
}

export interface Change {
  readonly table: string
  readonly key: string
  /** The version that is there now, 0 for no row; left out, it is done whatever is there. */
  readonly replaces?: number
  /** The row as it is from now on; left out, there is none any more. */
  readonly becomes?: Omit<Row, "key">
}

export class Store extends Context.Service<Store, {
  readonly get: (table: string, key: string) => Effect.Effect<Row | undefined, StoreFailed>
  /** In the order of their keys; an empty prefix gives all. */
  readonly list: (table: string, prefix: string) => Effect.Effect<ReadonlyArray<Row>, StoreFailed>
  /** All of them or none. */
  readonly apply: (changes: ReadonlyArray<Change>) => Effect.Effect<void, StoreFailed | RowChanged>
  /** Gives how many there were. */
  readonly removeExpired: Effect.Effect<number, StoreFailed>
}>()("manifold/store/Store") {
  /** Of this process alone; for tests whose point is not the file. */
  static readonly memory = Layer.sync(Store, () => inMemory(new Map()))
}

/** A version that this key never had: later ones are larger, also after the row was removed and made again. */
export const versionAfter = (row: Pick<Row, "version"> | undefined, now: number): number =>
  Math.max((row?.version ?? 0) + 1, Math.floor(now * 1000 + Math.random() * 1000))

/** Whether a row that is there at all still counts. */
export const isLive = ({ expires }: Pick<Row, "expires">, now: number): boolean => expires === undefined || expires > now

/** Whether a change may be made to what is there. */
export const fits = ({ replaces }: Change, version: number): boolean => replaces === undefined || replaces === version

const inMemory = (tables: Map<string, Map<string, Row>>): Store["Service"] => {
  const tableOf = (name: string) => {
    const table = tables.get(name) ?? new Map<string, Row>()
    tables.set(name, table)
    return table
  }
  const live = (table: string, key: string, now: number) => {
    const row = tableOf(table).get(key)
    return row !== undefined && isLive(row, now) ? row : undefined
  }

  return Store.of({
    get: (table, key) => Effect.map(Clock.currentTimeMillis, (now) => live(table, key, now)),

    list: (table, prefix) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        [...tableOf(table).values()]
          .filter((row) => row.key.startsWith(prefix) && isLive(row, now))
          .sort((a, b) => a.key < b.key ? -1 : 1)),

    apply: Effect.fnUntraced(function*(changes) {
      const now = yield* Clock.currentTimeMillis
      const before = new Map([...tables].map(([name, rows]) => [name, new Map(rows)]))
      for (const change of changes) {
        const { becomes, key, table } = change
        if (!fits(change, live(table, key, now)?.version ?? 0)) {
          tables.clear()
          for (const [name, rows] of before) tables.set(name, rows)
          return yield* new RowChanged({ table, key })
        }
        if (becomes === undefined) tableOf(table).delete(key)
        else tableOf(table).set(key, { ...becomes, key })
      }
    }),

    removeExpired: Effect.map(Clock.currentTimeMillis, (now) => {
      const gone = [...tables.values()].flatMap((rows) =>
        [...rows.values()].filter((row) => !isLive(row, now)).map((row) => rows.delete(row.key)))
      return gone.length
    })
  })
}
