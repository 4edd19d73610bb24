/**
 * The master keys that open the vault now: the current one, and during and after a rotation the one
 * before it. What the store says is current holds; a process that runs on learns the next key from
 * a row sealed under its own.
 */
import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { utf8 } from "../lib/Utf8.ts"
import { type Change, type Row, Store, versionAfter } from "../store/Store.ts"
import { StoreFailed } from "../store/StoreFailed.ts"
import { KeySource } from "./KeySource.ts"
import { type MasterKey, Sealing } from "./Sealing.ts"
import { VaultKeyRefused } from "./VaultKeyRefused.ts"

export type VaultFailed = StoreFailed | VaultKeyRefused

const Pointer = Schema.Struct({
  current: Schema.String,
  previous: Schema.optionalKey(Schema.String),
  /** A rotation is under way: rows may still be sealed under `previous`. */
  rotating: Schema.Boolean
})
export type Pointer = typeof Pointer.Type

export interface Ring {
  readonly pointer: Pointer
  /** The version of the row that holds the pointer. */
  readonly version: number
  readonly current: MasterKey
  readonly known: ReadonlyMap<string, MasterKey>
}

/** The table of the rows about keys; each is named by `rows`. */
export const KEYS = "vault_keys"
export const rows = {
  pointer: "pointer",
  /** A known text, sealed under this key. */
  check: (id: string) => `check/${id}`,
  /** This key, sealed under the one before it, for those who know only that. */
  next: (id: string) => `next/${id}`,
  /** This key, sealed under the one after it, for rows that were left behind. */
  retired: (id: string) => `retired/${id}`
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Pointer))
const encode = Schema.encodeSync(Schema.fromJsonString(Pointer))
const CHECK = Redacted.make(utf8.to("manifold vault"))

export class KeyRing extends Context.Service<KeyRing, {
  /** The keys as the store has them now; nothing while nothing was ever sealed. */
  readonly read: Effect.Effect<Ring | undefined, VaultFailed>
  /** The same, with a first key where there is none. */
  readonly made: Effect.Effect<Ring, VaultFailed>
  /** Whether this process has opened the vault. */
  readonly isOpen: () => boolean
}>()("manifold/vault/KeyRing") {
  static readonly layer = Layer.effect(KeyRing, Effect.gen(function*() {
    const store = yield* Store
    const source = yield* KeySource
    const sealing = yield* Sealing
    let last: Ring | undefined

    /** A key that was sealed under another one, if that is known. */
    const unsealed = Effect.fnUntraced(function*(name: string, under: ReadonlyArray<MasterKey>) {
      const row = yield* store.get(KEYS, name)
      if (row === undefined) return undefined
      for (const key of under) {
        const bytes = yield* sealing.open(key, { table: KEYS, ...row }, row.value)
        if (bytes !== undefined) return yield* sealing.masterKey(bytes)
      }
      return undefined
    })

    const ringFor = Effect.fnUntraced(function*(row: Row) {
      const pointer = yield* Effect.mapError(decode(utf8.from(row.value)), damaged)
      // One that works on with keys it knows does not stop because the file is being replaced.
      const given = yield* last === undefined ? source.find : Effect.orElseSucceed(source.find, () => undefined)
      const own = given === undefined ? undefined : yield* sealing.masterKey(given.bytes)
      const keys = [...last?.known.values() ?? [], ...own === undefined ? [] : [own]]
      const refuse = (reason: string) => new VaultKeyRefused({ source: given?.source ?? "the data directory", reason })
      if (keys.length === 0) return yield* refuse("it is gone, and what is in the vault cannot be opened without it")
      const isBack = last !== undefined && last.current.id !== pointer.current && last.pointer.previous === pointer.current
      if (isBack) return yield* refuse("the store says that a key which was replaced is in force again")

      const current = keys.find(({ id }) => id === pointer.current) ?? (yield* unsealed(rows.next(pointer.current), keys))
      const check = yield* store.get(KEYS, rows.check(pointer.current))
      const isRight = current !== undefined && check !== undefined &&
        (yield* sealing.open(current, { table: KEYS, ...check }, check.value)) !== undefined
      if (!isRight) return yield* refuse(`it is another one (${own?.id}) than the vault is sealed with (${pointer.current})`)
      if (own !== undefined && own.id !== current.id && last === undefined) {
        yield* Effect.logWarning(`The vault's key from ${given?.source} has been replaced; put the new one there, it stops working soon`)
      }
      const previous = pointer.previous === undefined
        ? undefined
        : keys.find(({ id }) => id === pointer.previous) ?? (yield* unsealed(rows.retired(pointer.previous), [current]))
      const known = new Map([current, ...previous === undefined ? [] : [previous]].map((key) => [key.id, key]))
      return { pointer, version: row.version, current, known } satisfies Ring
    })

    const read: KeyRing["Service"]["read"] = Effect.gen(function*() {
      const row = yield* store.get(KEYS, rows.pointer)
      if (row === undefined) return undefined
      if (last?.version !== row.version) last = yield* ringFor(row)
      return last
    })

    const made: KeyRing["Service"]["made"] = Effect.gen(function*() {
      const found = yield* read
      if (found !== undefined) return found
      const given = yield* source.make
      const key = yield* sealing.masterKey(given.bytes)
      const changes = yield* firstRows(key)
      // Another process that was first has put its key there, which is then read.
      yield* Effect.catchTag(store.apply(changes), "RowChanged", () => Effect.void)
      return (yield* read) ?? (yield* damaged())
    })

    const firstRows = Effect.fnUntraced(function*(key: MasterKey) {
      const now = yield* Clock.currentTimeMillis
      return [pointerRow({ current: key.id, rotating: false }, 0, now), yield* checkRow(sealing, key)]
    })

    return KeyRing.of({ read, made, isOpen: () => last !== undefined })
  }))
}

const damaged = (cause?: unknown) => new StoreFailed({ operation: "read which key the vault has", trouble: "damaged", cause })

/** The pointer over the one of version `replaces`. */
export const pointerRow = (pointer: Pointer, replaces: number, now: number): Change => ({
  table: KEYS,
  key: rows.pointer,
  replaces,
  becomes: { value: utf8.to(encode(pointer)), version: versionAfter({ version: replaces }, now), written: now }
})

/** A row about keys that is sealed under `key`. */
export const sealedRow = Effect.fnUntraced(function*(
  sealing: Sealing["Service"],
  name: string,
  key: MasterKey,
  plain: Redacted.Redacted<Uint8Array>,
  expires?: number
) {
  const now = yield* Clock.currentTimeMillis
  const version = versionAfter(undefined, now)
  const value = yield* sealing.seal(key, { table: KEYS, key: name, version }, plain)
  return { table: KEYS, key: name, becomes: { value, version, written: now, ...(expires === undefined ? {} : { expires }) } } satisfies Change
})

/** The check of a key that is to become the current one. */
export const checkRow = (sealing: Sealing["Service"], key: MasterKey) => sealedRow(sealing, rows.check(key.id), key, CHECK)
