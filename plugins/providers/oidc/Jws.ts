/**
 * A JWT taken apart strictly (RFC 7515, compact form): each text stands for one token only, so
 * a base64url that is not the canonical one is no token. Nothing here has been verified yet.
 */
import { Option, Predicate, Result, Schema } from "effect"
import { Base64Url } from "effect/encoding"

const Header = Schema.Struct({
  alg: Schema.String,
  typ: Schema.optionalKey(Schema.String),
  kid: Schema.optionalKey(Schema.String),
  crit: Schema.optionalKey(Schema.Unknown)
})

/** Longer texts are no tokens. */
export const LARGEST = 16 * 1024

export interface Jws {
  readonly text: string
  readonly header: typeof Header.Type
  readonly claims: Readonly<Record<string, unknown>>
}

/** `opaque` is a text that does not even look like a JWT. */
export const jwsOf = (text: string): Jws | "opaque" | "malformed" => {
  const [first = "", second = "", third, ...more] = text.split(".")
  if (third === undefined || more.length > 0) return "opaque"
  const bytes = [first, second, third].map(canonical)
  const [header, claims, signature] = bytes
  const object = header === undefined ? undefined : objectIn(header)
  if (object === undefined) return "opaque"
  const decoded = Schema.decodeUnknownOption(Header)(object)
  const payload = claims === undefined ? undefined : objectIn(claims)
  if (Option.isNone(decoded) || payload === undefined || signature === undefined) return "malformed"
  return { text, header: decoded.value, claims: payload }
}

const canonical = (segment: string): Uint8Array | undefined => {
  const bytes = Result.getOrUndefined(Base64Url.decode(segment))
  return bytes !== undefined && Base64Url.encode(bytes) === segment ? bytes : undefined
}

const objectIn = (bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
    return Predicate.isObject(value) && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined
  } catch {
    return undefined
  }
}
