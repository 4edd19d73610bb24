/** Gathers the body of an HTTP answer up to the limit; delivered whole, as one message. */
import { MESSAGE_LIMIT } from "./Transport.ts"

export const collected = (overflow: () => void) => {
  const parts: Array<Buffer> = []
  let size = 0
  return {
    feed: (chunk: Buffer) => {
      size += chunk.length
      if (size > MESSAGE_LIMIT) overflow()
      else parts.push(chunk)
    },
    /** Gives what `message` says: whether this was the answer. */
    deliver: (message: (bytes: Buffer) => boolean): boolean => {
      const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
      if (whole.length === 0) return false
      return message(trimmed(whole))
    }
  }
}

const trimmed = (bytes: Buffer): Buffer => {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] ?? 0) <= 0x20) end--
  return end === bytes.length ? bytes : bytes.subarray(0, end)
}
