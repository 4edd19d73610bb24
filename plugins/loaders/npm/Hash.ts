/** A pin as a short text, the same for equal ones: closures that differ are different artifacts. */
import { Effect } from "effect"
import { Hex } from "effect/encoding"
import type { Loader } from "#plugin"

export const hashOf = (pin: Loader.Pin): Effect.Effect<string> => {
  const text = JSON.stringify(Object.entries(pin).sort(([a], [b]) => a < b ? -1 : 1))
  const digest = Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return Effect.map(digest, (bytes) => Hex.encode(new Uint8Array(bytes)).slice(0, 32))
}
