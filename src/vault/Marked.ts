/** Secrets that the gateway makes: a prefix that says what they are, 32 random bytes, and a checksum that sorts out mistyped ones before anything is looked up. */
import { Effect } from "effect"
import { Base64Url } from "effect/encoding"
import { utf8 } from "../lib/Utf8.ts"

const BYTES = 32
const CHECKSUM = 6
const form = /^([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/u

const checksumOf = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", utf8.to(text))),
    (bytes) => Base64Url.encode(new Uint8Array(bytes)).slice(0, CHECKSUM)
  )

export const freshSecret = (prefix: string): Effect.Effect<string> => {
  const text = prefix + Base64Url.encode(crypto.getRandomValues(new Uint8Array(BYTES)))
  return Effect.map(checksumOf(text), (checksum) => text + checksum)
}

/** Whether it is one that could have been made with this prefix. */
export const isMarked = (prefix: string, text: string): Effect.Effect<boolean> => {
  const [, random, checksum] = text.startsWith(prefix) ? form.exec(text.slice(prefix.length)) ?? [] : []
  return random === undefined ? Effect.succeed(false) : Effect.map(checksumOf(prefix + random), (right) => right === checksum)
}
