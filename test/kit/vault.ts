/** Vaults for tests: over a store file that others may share, with a key of the test's choosing. */
import { Effect, Layer, Redacted } from "effect"
import * as Sqlite from "../../src/store/Sqlite.node.ts"
import { Store } from "../../src/store/Store.ts"
import { type GivenKey, KeySource } from "../../src/vault/KeySource.ts"
import { Vault } from "../../src/vault/Vault.ts"

export const keyOf = (seed: number): Redacted.Redacted<Uint8Array> =>
  Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => (seed * 57 + index * index * 31 + index * 7) % 256))

/** Gives the key that `held` has at the time. */
export const heldKey = (held: { bytes: Redacted.Redacted<Uint8Array> | undefined; readonly file?: string }): Layer.Layer<KeySource> => {
  const given = (bytes: Redacted.Redacted<Uint8Array>): GivenKey => ({
    bytes,
    source: "the test",
    ...(held.file === undefined ? {} : { file: held.file })
  })
  return Layer.succeed(KeySource, KeySource.of({
    find: Effect.sync(() => held.bytes === undefined ? undefined : given(held.bytes)),
    make: Effect.sync(() => given(held.bytes ??= keyOf(1)))
  }))
}

/** All services of a vault, as one process has them. */
export const vaultAt = (file: string, key: Layer.Layer<KeySource>) =>
  Layer.build(Vault.whole.pipe(Layer.provideMerge(Sqlite.layer({ file })), Layer.provideMerge(key), Layer.fresh))

/** The same over a store that is already there. */
export const vaultOver = (store: Store["Service"], key: Layer.Layer<KeySource>) =>
  Layer.build(Vault.whole.pipe(Layer.provideMerge(Layer.succeed(Store, store)), Layer.provideMerge(key), Layer.fresh))

export const secret = (text: string) => Redacted.make(text)

export const textOf = (opened: { readonly value: Redacted.Redacted<string> } | undefined): string | undefined =>
  opened === undefined ? undefined : Redacted.value(opened.value)
