/** The public keys of an issuer (RFC 7517). A weak key is left out; a set of more than a hundred is no set. */
import { Effect, Option, Predicate, Result, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { compactVerify, type JWK } from "jose"
import type { Jws } from "./Jws.ts"

const MOST_KEYS = 100
const RSA_BYTES = { least: 256, most: 1024 }

const text = Schema.optionalKey(Schema.String)
const Jwk = Schema.Struct({
  kty: Schema.Literals(["RSA", "EC", "OKP"]),
  kid: text,
  use: text,
  alg: text,
  key_ops: Schema.optionalKey(Schema.Array(Schema.String)),
  crv: text,
  n: text,
  e: text,
  x: text,
  y: text
})
const KeySet = Schema.Struct({ keys: Schema.Array(Schema.Unknown).check(Schema.isMaxLength(MOST_KEYS)) })

export interface Key {
  readonly kid: string | undefined
  readonly algorithms: ReadonlyArray<string>
  /** Its public members alone; jose remembers what it made of it as long as this object lives. */
  readonly jwk: JWK
}

/** Nothing where it is no set of keys. */
export const keysIn = (body: unknown): ReadonlyArray<Key> | undefined => {
  const set = Schema.decodeUnknownOption(KeySet)(body)
  return Option.isNone(set) ? undefined : set.value.keys.flatMap(keyOf)
}

const keyOf = (value: unknown): ReadonlyArray<Key> => {
  const decoded = Schema.decodeUnknownOption(Jwk)(value)
  if (Option.isNone(decoded)) return []
  const { alg, crv, e, key_ops, kid, kty, n, use, x, y } = decoded.value
  const isForSignatures = (use === undefined || use === "sig") && (key_ops === undefined || key_ops.includes("verify"))
  const fitting = kty === "RSA" ? (isStrong(n, e) ? RSA : []) : CURVES[crv ?? ""] ?? []
  const algorithms = fitting.filter((each) => alg === undefined || alg === each)
  const parts = { crv, n, e, x, y }
  const jwk = { kty, ...Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)) }
  return isForSignatures && algorithms.length > 0 ? [{ kid, algorithms, jwk }] : []
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
const CURVES: Readonly<Record<string, ReadonlyArray<string>>> = {
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  Ed25519: ["EdDSA", "Ed25519"]
}

/** 2048 bits at least, and an odd exponent beyond 1: with an exponent of 1 anybody could sign. */
const isStrong = (n = "", e = ""): boolean => {
  const modulus = withoutZeros(n)
  const exponent = withoutZeros(e)
  const last = exponent.at(-1) ?? 0
  return modulus.length >= RSA_BYTES.least && modulus.length <= RSA_BYTES.most && last % 2 === 1 && !(exponent.length === 1 && last === 1)
}

const withoutZeros = (base64url: string): Uint8Array => {
  const bytes = Result.getOrElse(Base64Url.decode(base64url), () => new Uint8Array())
  const start = bytes.findIndex((byte) => byte !== 0)
  return start === -1 ? new Uint8Array() : bytes.subarray(start)
}

/** The keys that may have signed it. Without a kid there has to be one only, or a stranger could make us try a hundred. */
export const candidatesFor = (keys: ReadonlyArray<Key>, { header: { alg, kid } }: Jws): ReadonlyArray<Key> => {
  const fitting = keys.filter(({ algorithms }) => algorithms.includes(alg))
  if (kid === undefined) return fitting.length === 1 ? fitting : []
  return fitting.filter((key) => key.kid === kid)
}

export const isSignedBy = (candidates: ReadonlyArray<Key>, { header: { alg }, text }: Jws): Effect.Effect<boolean> =>
  Effect.map(
    Effect.forEach(candidates, ({ jwk }) =>
      Effect.match(Effect.tryPromise(() => compactVerify(text, jwk, { algorithms: [alg] })), {
        onSuccess: Predicate.isNotUndefined,
        onFailure: () => false
      })),
    (verdicts) => verdicts.includes(true)
  )
