/**
 * The store in one SQLite file, which several processes may share. Nothing is opened before it is
 * used, and nothing is made before something is written. Waiting for another process blocks this
 * one, so that is kept short, and the rest of the patience is between tries.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import { Clock, Effect, Layer, Schedule, Schema } from "effect"
import { type Change, fits, type Row, Store } from "./Store.ts"
import { RowChanged, StoreFailed, type Trouble } from "./StoreFailed.ts"

export interface SqliteOptions {
  readonly file: string
  /** Bytes; a store that grows without end must not take the disk from everything else. */
  readonly largest?: number
}

/** Each step brings a file from the version before it to its own; never change one that was released. */
const MIGRATIONS: ReadonlyArray<string> = [
  `CREATE TABLE rows (
     tbl TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
     version INTEGER NOT NULL, written INTEGER NOT NULL, expires INTEGER,
     PRIMARY KEY (tbl, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX rows_by_expiry ON rows (expires) WHERE expires IS NOT NULL`
]

const LARGEST = 1024 ** 3
const BLOCKING_MILLIS = 20
const BETWEEN_TRIES = Schedule.jittered(Schedule.spaced("50 millis"))
const MORE_TRIES = 60

export const layer = (options: SqliteOptions): Layer.Layer<Store> =>
  Layer.effect(Store, Effect.map(
    Effect.acquireRelease(Effect.sync(() => new File(options)), (file) => Effect.sync(() => file.close())),
    storeIn
  ))

const storeIn = (file: File): Store["Service"] => {
  const attempt = <A>(operation: string, run: (now: number) => A): Effect.Effect<A, StoreFailed> =>
    Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) =>
        Effect.try({ try: () => run(now), catch: (cause) => new StoreFailed({ operation, trouble: troubleOf(cause), cause }) })),
      Effect.retry({ schedule: BETWEEN_TRIES, times: MORE_TRIES, while: ({ trouble }) => trouble === "locked" })
    )

  return Store.of({
    get: (table, key) => attempt("read a row", (now) => file.opened()?.row(table, key, now)),
    list: (table, prefix) => attempt("list rows", (now) => file.opened()?.rows(table, prefix, now) ?? []),
    apply: (changes) =>
      Effect.flatMap(
        attempt("write", (now) => file.made().apply(changes, now)),
        (changed) => changed === undefined ? Effect.void : Effect.fail(changed)
      ),
    removeExpired: attempt("remove what expired", (now) => file.opened()?.removeExpired(now) ?? 0)
  })
}

class File {
  readonly #options: SqliteOptions
  #database: Database | undefined

  constructor(options: SqliteOptions) {
    this.#options = options
  }

  /** Nothing when there is no file yet: then there are no rows. */
  opened(): Database | undefined {
    return this.#database ?? (existsSync(this.#options.file) ? this.made() : undefined)
  }

  made(): Database {
    this.#database ??= open(this.#options)
    return this.#database
  }

  close() {
    this.#database?.close()
    this.#database = undefined
  }
}

const open = ({ file, largest = LARGEST }: SqliteOptions): Database => {
  // Loaded here, so that a gateway which stores nothing does not pay for it.
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite")
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // SQLite gives the files beside it the mode of this one.
  closeSync(openSync(file, "a", 0o600))
  chmodSync(file, 0o600)
  const database = new DatabaseSync(file, { timeout: BLOCKING_MILLIS })
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF")
    migrate(database)
    const pageSize = Number(Object.values(database.prepare("PRAGMA page_size").get() ?? {})[0])
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(largest / pageSize))}`)
    return new Database(database)
  } catch (cause) {
    database.close()
    throw cause
  }
}

const versionOf = (database: DatabaseSync) => Number(Object.values(database.prepare("PRAGMA user_version").get() ?? {})[0])

const migrate = (database: DatabaseSync) => {
  const found = versionOf(database)
  if (found > MIGRATIONS.length) throw new NewerFile()
  if (found === MIGRATIONS.length) return
  inTransaction(database, () => {
    // Another process may have been first since the look above.
    for (const step of MIGRATIONS.slice(versionOf(database))) database.exec(step)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
  })
}

class NewerFile extends Error {}

const inTransaction = <A>(database: DatabaseSync, run: () => A): A => {
  database.exec("BEGIN IMMEDIATE")
  try {
    const value = run()
    database.exec(value instanceof RowChanged ? "ROLLBACK" : "COMMIT")
    return value
  } catch (cause) {
    // On some failures SQLite has rolled back by itself.
    if (database.isTransaction) database.exec("ROLLBACK")
    throw cause
  }
}

class Database {
  readonly #database: DatabaseSync
  readonly #get
  readonly #list
  readonly #put
  readonly #remove
  readonly #removeExpired

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#get = database.prepare("SELECT * FROM rows WHERE tbl = ? AND key = ? AND (expires IS NULL OR expires > ?)")
    this.#list = database.prepare(
      "SELECT * FROM rows WHERE tbl = ? AND substr(key, 1, length(?)) = ? AND (expires IS NULL OR expires > ?) ORDER BY key"
    )
    this.#put = database.prepare("INSERT OR REPLACE INTO rows (tbl, key, value, version, written, expires) VALUES (?, ?, ?, ?, ?, ?)")
    this.#remove = database.prepare("DELETE FROM rows WHERE tbl = ? AND key = ?")
    this.#removeExpired = database.prepare("DELETE FROM rows WHERE expires <= ?")
  }

  row(table: string, key: string, now: number): Row | undefined {
    const found = this.#get.get(table, key, now)
    return found === undefined ? undefined : rowFrom(found)
  }

  rows(table: string, prefix: string, now: number): ReadonlyArray<Row> {
    return this.#list.all(table, prefix, prefix, now).map(rowFrom)
  }

  apply(changes: ReadonlyArray<Change>, now: number): RowChanged | undefined {
    return inTransaction(this.#database, () => {
      for (const change of changes) {
        const { becomes, key, table } = change
        if (!fits(change, this.row(table, key, now)?.version ?? 0)) return new RowChanged({ table, key })
        if (becomes === undefined) this.#remove.run(table, key)
        else this.#write(table, key, becomes)
      }
      return undefined
    })
  }

  #write(table: string, key: string, { expires, value, version, written }: Omit<Row, "key">) {
    // Clocks and lifetimes may come in fractions of a millisecond.
    this.#put.run(table, key, value, version, Math.floor(written), expires === undefined ? null : Math.floor(expires))
  }

  removeExpired(now: number): number {
    return Number(this.#removeExpired.run(now).changes)
  }

  close() {
    this.#database.close()
  }
}

const Stored = Schema.Struct({
  key: Schema.String,
  value: Schema.Uint8Array,
  version: Schema.Int,
  written: Schema.Int,
  expires: Schema.NullOr(Schema.Int)
})
const decode = Schema.decodeUnknownSync(Stored)

const rowFrom = (found: Readonly<Record<string, SQLOutputValue>>): Row => {
  const { expires, ...row } = decode(found)
  return expires === null ? row : { ...row, expires }
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const TROUBLES: Readonly<Record<number, Trouble>> = { 5: "locked", 6: "locked", 11: "damaged", 13: "full", 26: "damaged" }

const troubleOf = (cause: unknown): Trouble => {
  if (cause instanceof NewerFile) return "newer"
  if (typeof cause !== "object" || cause === null) return "unavailable"
  if ("code" in cause && cause.code === "ENOSPC") return "full"
  return "errcode" in cause ? TROUBLES[Number(cause.errcode) & 0xff] ?? "unavailable" : "unavailable"
}
