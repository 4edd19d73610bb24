/** The SHA-256 of a text, in hex; the same on Node and on Workers. */
import { Effect } from "effect"
import { Hex } from "effect/encoding"

export const sha256 = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (bytes) => Hex.encode(new Uint8Array(bytes))
  )
