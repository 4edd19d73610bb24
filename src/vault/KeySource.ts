/** Where the vault's master key comes from; `KeySource.node.ts` knows the places. */
import { Context, type Effect, type Redacted } from "effect"
import type { VaultKeyRefused } from "./VaultKeyRefused.ts"

export interface GivenKey {
  readonly bytes: Redacted.Redacted<Uint8Array>
  /** In words, for messages: `MANIFOLD_VAULT_KEY`, `the file /run/secrets/key`. */
  readonly source: string
  /** The file it stands in, which a rotation replaces. */
  readonly file?: string
}

export class KeySource extends Context.Service<KeySource, {
  /** Asks anew each time; nothing where none was set up and none was made. */
  readonly find: Effect.Effect<GivenKey | undefined, VaultKeyRefused>
  /** Makes a random one where there is none, and says so. */
  readonly make: Effect.Effect<GivenKey, VaultKeyRefused>
}>()("manifold/vault/KeySource") {}
