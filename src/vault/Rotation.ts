/**
 * Seals the whole vault under another master key while gateways run over it. What was done stands in
 * the store, so a rotation that was killed goes on where it was: first every process is told the new
 * key, then each row is sealed anew, and when all of them open the old key is let go.
 */
import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { type Row, Store } from "../store/Store.ts"
import { checkRow, KeyRing, KEYS, pointerRow, type Ring, rows, sealedRow, type VaultFailed } from "./KeyRing.ts"
import { keyIdOf, type MasterKey, Sealing } from "./Sealing.ts"
import { placeOf, ROWS, Vault } from "./Vault.ts"

export interface Rotated {
  readonly from: string
  readonly to: string
  readonly rows: number
  /** Another one was under way and has been finished, to its own key. */
  readonly resumed: boolean
}

/** There is nothing to rotate, or not to this key. */
export class RotationRefused extends Schema.TaggedError<RotationRefused>()("RotationRefused", { reason: Schema.String }) {
  override get message() {
    return `The vault's key stays as it is: ${this.reason}`
  }
}

/** After this a gateway that has not looked for so long needs the new key at its next start. */
export const GRACE_MILLIS = 600_000

type Failed = VaultFailed | RotationRefused

export class Rotation extends Context.Service<Rotation, {
  /** To this key; `settled` runs when all rows are under it, before the old one is let go. */
  readonly rotate: (next: Redacted.Redacted<Uint8Array>, settled: Effect.Effect<void, Failed>) => Effect.Effect<Rotated, Failed>
  /** The key that a rotation which was not finished goes to. */
  readonly unfinished: Effect.Effect<Redacted.Redacted<Uint8Array> | undefined, VaultFailed>
}>()("manifold/vault/Rotation") {
  static readonly layer = Layer.effect(Rotation, Effect.gen(function*() {
    const store = yield* Store
    const ring = yield* KeyRing
    const sealing = yield* Sealing
    const vault = yield* Vault

    /** From here on whoever knows either key knows both, and new rows are sealed under the new one. */
    const begin = Effect.fnUntraced(function*({ current, version }: Ring, next: MasterKey) {
      if (current.id === next.id) return yield* new RotationRefused({ reason: "the new key is the one in force" })
      const now = yield* Clock.currentTimeMillis
      const pointer = { current: next.id, previous: current.id, rotating: true }
      yield* store.apply([
        yield* checkRow(sealing, next),
        yield* sealedRow(sealing, rows.next(next.id), current, next.bytes),
        yield* sealedRow(sealing, rows.retired(current.id), next, current.bytes),
        pointerRow(pointer, version, now)
      ])
    })

    const sealAnew = Effect.fnUntraced(function*(row: Row, { current, known }: Ring) {
      const old = known.get(keyIdOf(row.value) ?? "")
      const place = placeOf(row)
      if (place === undefined) return false
      const { key, table } = place
      const plain = old === undefined ? undefined : yield* sealing.open(old, { table, key, version: row.version }, row.value)
      // The vault puts it aside, as it would if somebody asked for it.
      if (plain === undefined) return yield* Effect.as(vault.get(table, key), true)
      const value = yield* sealing.seal(current, { table, key, version: row.version }, plain)
      // Nothing is new in it but the seal: who read this version may still write over it.
      yield* store.apply([{ table: ROWS, key: row.key, replaces: row.version, becomes: { ...row, value } }])
      return true
    }, Effect.catchTag("RowChanged", () => Effect.succeed(false)))

    /** Until none is left: rows that were written meanwhile by those who did not know yet, too. */
    const sealAll = Effect.fnUntraced(function*(now: Ring): Effect.fn.Return<number, VaultFailed> {
      const all = yield* store.list(ROWS, "")
      const left = all.filter((row) => keyIdOf(row.value) !== now.current.id)
      if (left.length === 0) return 0
      const done = yield* Effect.forEach(left, (row) => sealAnew(row, now))
      return done.filter(Boolean).length + (yield* sealAll(now))
    })

    /** Each row opens with the new key, or has been set aside; none is lost on the way. */
    const verify = Effect.fnUntraced(function*() {
      for (const row of yield* store.list(ROWS, "")) {
        const place = placeOf(row)
        if (place !== undefined) yield* vault.get(place.table, place.key)
      }
    })

    /** A row that this version cannot name could not be sealed anew, and would be lost with the old key. */
    const refuseUnknown = Effect.gen(function*() {
      const unknown = (yield* store.list(ROWS, "")).find((row) => placeOf(row) === undefined)
      if (unknown !== undefined) return yield* new RotationRefused({ reason: `"${unknown.key}" in the vault is of a newer version; rotate with that` })
    })

    /** The old key is kept only under the new one, and the new one under the old for a short time. */
    const end = Effect.fnUntraced(function*({ current, pointer, version }: Ring) {
      const now = yield* Clock.currentTimeMillis
      const { previous = "" } = pointer
      const bridge = yield* store.get(KEYS, rows.next(current.id))
      const old = (yield* store.list(KEYS, "")).filter(({ key }) => isOld(key, current.id, previous))
      yield* store.apply([
        ...old.map(({ key }) => ({ table: KEYS, key })),
        ...bridge === undefined ? [] : [{ table: KEYS, key: bridge.key, becomes: { ...bridge, expires: now + GRACE_MILLIS } }],
        pointerRow({ current: current.id, previous, rotating: false }, version, now)
      ])
    })

    const rotate: Rotation["Service"]["rotate"] = Effect.fn("Rotation.rotate")(function*(bytes, settled) {
      const before = yield* ring.read
      if (before === undefined) return yield* new RotationRefused({ reason: "nothing was ever sealed with it" })
      yield* refuseUnknown
      const next = yield* sealing.masterKey(bytes)
      const resumed = before.pointer.rotating
      if (resumed && next.id !== before.current.id) {
        return yield* new RotationRefused({ reason: `a rotation to another key (${before.current.id}) is not finished; finish it first` })
      }
      if (next.id === before.pointer.previous) return yield* new RotationRefused({ reason: "the new key is the one before this" })
      if (!resumed) {
        // What a rotation before this one left behind would not open any more with the key after next.
        yield* sealAll(before)
        yield* begin(before, next)
      }
      const now = yield* both(ring.read)
      const count = yield* sealAll(now)
      yield* verify()
      yield* settled
      yield* end(yield* both(ring.read))
      return { from: now.pointer.previous ?? "", to: now.current.id, rows: count, resumed }
    }, Effect.catchTag("RowChanged", () => new RotationRefused({ reason: "another rotation has begun; see how that ends" })))

    const unfinished = Effect.map(ring.read, (now) => now?.pointer.rotating === true ? now.current.bytes : undefined)

    return Rotation.of({ rotate, unfinished })
  }))
}

/** The keys as they are while both are known; the pointer says so since `begin`. */
const both = (read: Effect.Effect<Ring | undefined, VaultFailed>): Effect.Effect<Ring, Failed> =>
  Effect.flatMap(read, (now) =>
    now === undefined || now.known.size < 2
      ? Effect.fail(new RotationRefused({ reason: "the key before this one is gone" }))
      : Effect.succeed(now))

/** What is about neither of the two keys that matter now. */
const isOld = (key: string, current: string, previous: string): boolean =>
  key !== rows.pointer && ![rows.check(current), rows.next(current), rows.retired(previous)].includes(key)
