/** Texts that nobody guesses: 256 bits each, in letters that stand in cookies, addresses and forms as they are. */
import { Base64Url } from "effect/encoding"

const BYTES = 32

export const randomText = (): string => Base64Url.encode(crypto.getRandomValues(new Uint8Array(BYTES)))

/** For people to quote and for us to find in the log. */
export const correlationId = (): string => crypto.randomUUID().slice(0, 8)
