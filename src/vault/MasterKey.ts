/** Reads a master key: 32 random bytes in base64. What cannot have come from a random generator is refused. */
import { Result, Redacted } from "effect"
import { Base64 } from "effect/encoding"

export const KEY_BYTES = 32

/** Of 32 random bytes, fewer than this many different ones come once in 10^13 keys. */
const DIFFERENT = 16

/** The bytes, or why they are no key; the reason never repeats the text. */
export const readKey = (given: Redacted.Redacted<string>): Result.Result<Redacted.Redacted<Uint8Array>, string> => {
  const text = Redacted.value(given).trim()
  if (text === "") return Result.fail("it is empty")
  const decoded = /^[A-Za-z0-9+/]*={0,2}$/u.test(text) ? Base64.decode(text) : Result.fail(undefined)
  if (Result.isFailure(decoded)) return Result.fail(`it is not base64, ${HOW}`)
  const bytes = decoded.success
  if (bytes.length !== KEY_BYTES) return Result.fail(`it has ${bytes.length} bytes and not ${KEY_BYTES}, ${HOW}`)
  const weakness = weaknessOf(bytes)
  return weakness === undefined ? Result.succeed(Redacted.make(new Uint8Array(bytes))) : Result.fail(`it is weak (${weakness}), ${HOW}`)
}

const HOW = "make one with: openssl rand -base64 32"

const weaknessOf = (bytes: Uint8Array): string | undefined => {
  const different = new Set(bytes).size
  if (different === 1) return "all its bytes are equal"
  if (different < DIFFERENT) return "its bytes repeat"
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return "it is a text"
  const steps = new Set(bytes.subarray(1).map((byte, index) => byte - (bytes[index] ?? 0)))
  return steps.size < 4 ? "its bytes follow one another" : undefined
}

export const freshKey = (): Redacted.Redacted<Uint8Array> => Redacted.make(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))

/** As it stands in a file. */
export const keyText = (key: Redacted.Redacted<Uint8Array>): Redacted.Redacted<string> => Redacted.make(Base64.encode(Redacted.value(key)))
