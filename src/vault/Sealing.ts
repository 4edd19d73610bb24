/**
 * Seals bytes for one place: AES-256-GCM with a random nonce, under a key that HKDF-SHA-256 derives
 * from the master key for that table alone. Table, key and version are authenticated, so a sealed
 * row moved elsewhere, or put back after a later one, does not open.
 *
 * Layout: 1 byte format, 8 bytes id of the master key, 12 bytes nonce, ciphertext, 16 bytes tag.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { Aead, Kdf, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import { utf8 } from "../lib/Utf8.ts"

export interface MasterKey {
  /** Tells keys apart without saying anything about them. */
  readonly id: string
  readonly bytes: Redacted.Redacted<Uint8Array>
}

export interface Place {
  readonly table: string
  readonly key: string
  readonly version: number
}

const FORMAT = 1
const ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + ID_BYTES + NONCE_BYTES

/** The id of the master key that opens these bytes; nothing when they are no sealed row. */
export const keyIdOf = (sealed: Uint8Array): string | undefined =>
  sealed.length >= HEAD_BYTES + TAG_BYTES && sealed[0] === FORMAT ? Hex.encode(sealed.subarray(1, 1 + ID_BYTES)) : undefined

export class Sealing extends Context.Service<Sealing, {
  readonly masterKey: (bytes: Redacted.Redacted<Uint8Array>) => Effect.Effect<MasterKey>
  readonly seal: (key: MasterKey, place: Place, plain: Redacted.Redacted<Uint8Array>) => Effect.Effect<Uint8Array>
  /** Nothing when they were not sealed with this key for this place, byte for byte. */
  readonly open: (key: MasterKey, place: Place, sealed: Uint8Array) => Effect.Effect<Redacted.Redacted<Uint8Array> | undefined>
}>()("manifold/vault/Sealing") {
  static readonly layer = Layer.effect(Sealing, Effect.gen(function*() {
    const aead = yield* Aead.Aead
    const kdf = yield* Kdf.Kdf
    const random = yield* SecureRandom.SecureRandom

    const derive = (bytes: Redacted.Redacted<Uint8Array>, purpose: string, length: number) =>
      kdf.derive(Kdf.hkdfSha256, Redacted.value(bytes), { salt: utf8.to("manifold vault 1"), info: utf8.to(purpose), length })

    const derived = new WeakMap<MasterKey, Map<string, Aead.Key>>()

    const keyFor = Effect.fnUntraced(function*(master: MasterKey, table: string) {
      const known = derived.get(master) ?? new Map<string, Aead.Key>()
      derived.set(master, known)
      const found = known.get(table)
      if (found !== undefined) return found
      const key = yield* Aead.key(Aead.aes256Gcm, yield* derive(master.bytes, `table ${table}`, 32))
      known.set(table, key)
      return key
    })

    const seal = Effect.fnUntraced(function*(master: MasterKey, place: Place, plain: Redacted.Redacted<Uint8Array>) {
      const nonce = yield* random.randomBytes(NONCE_BYTES)
      const key = yield* keyFor(master, place.table)
      const head = Hex.decode(`0${FORMAT}${master.id}`)
      const body = yield* aead.encrypt(key, Redacted.value(plain), { nonce, aad: authenticated(place) })
      return concat(yield* Effect.fromResult(head), nonce, body)
    }, Effect.orDie)

    const open = Effect.fnUntraced(function*(master: MasterKey, place: Place, sealed: Uint8Array) {
      if (keyIdOf(sealed) !== master.id) return undefined
      const key = yield* keyFor(master, place.table)
      const nonce = sealed.slice(1 + ID_BYTES, HEAD_BYTES)
      return yield* aead.decrypt(key, sealed.slice(HEAD_BYTES), { nonce, aad: authenticated(place) }).pipe(
        Effect.map((plain) => Redacted.make(plain)),
        Effect.catchReason("CryptoError", "DecryptionFailed", () => Effect.undefined)
      )
    }, Effect.orDie)

    return Sealing.of({
      masterKey: (bytes) => Effect.orDie(Effect.map(derive(bytes, "id", ID_BYTES), (id) => ({ id: Hex.encode(id), bytes }))),
      seal,
      open
    })
  })).pipe(
    Layer.provide(Layer.mergeAll(Layer.provideMerge(Aead.layerWebCrypto, SecureRandom.layerWebCrypto), Kdf.layerWebCrypto))
  )
}

/** One text for one place: JSON keeps the parts apart. */
const authenticated = ({ key, table, version }: Place) => utf8.to(JSON.stringify([table, key, version]))

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
