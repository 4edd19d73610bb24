/** The vault stays shut: there is no key, a weak one, or another one than it was sealed with. */
import { Schema } from "effect"

export class VaultKeyRefused extends Schema.TaggedError<VaultKeyRefused>()("VaultKeyRefused", {
  /** Where the key is from, in words. */
  source: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The vault's key from ${this.source} cannot be used: ${this.reason}`
  }
}
