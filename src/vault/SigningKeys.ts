/**
 * The keys that the gateway signs with: one family for each purpose, made when it is needed first and replaced
 * every month. A key is published for a day before it signs, and for a month after; its private half stays in the vault.
 */
import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose"
import { Base } from "../guard/Base.ts"
import { SignFailed, Signer } from "../plugin/Signer.ts"
import { RowChanged } from "../store/StoreFailed.ts"
import { Vault } from "./Vault.ts"

const PURPOSES = ["access", "client"] as const
type Purpose = typeof PURPOSES[number]

const ALGORITHM = "ES256"
const DAY = 86_400_000
const LIFE = 30 * DAY
const PUBLISHED = 2 * LIFE + DAY
/** Longest life of what is signed, in seconds. */
const LONGEST = 600
const ASSERTION = 60

const Key = Schema.Struct({
  kid: Schema.String,
  /** Milliseconds since 1970. */
  created: Schema.Finite,
  jwk: Schema.Struct({ kty: Schema.String, crv: Schema.String, x: Schema.String, y: Schema.String, d: Schema.String })
})
type Key = typeof Key.Type
const Keys = Schema.fromJsonString(Schema.Array(Key))
const decode = Schema.decodeUnknownEffect(Keys)
const encode = Schema.encodeSync(Keys)

/** The public half, as a key set has it (RFC 7517, 4). */
export interface PublicKey {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly use: "sig"
  readonly alg: string
}

export class SigningKeys extends Context.Service<SigningKeys, {
  /** Those of all purposes that have signed something. */
  readonly published: Effect.Effect<ReadonlyArray<PublicKey>, SignFailed>
}>()("manifold/vault/SigningKeys") {
  static readonly layer = Layer.effectContext(Effect.gen(function*() {
    const vault = yield* Vault
    const base = yield* Base

    const read = Effect.fnUntraced(function*(purpose: Purpose) {
      const row = yield* vault.get("signing", purpose)
      const keys = row === undefined ? [] : yield* Effect.mapError(decode(Redacted.value(row.value)), () => new SignFailed({ reason: "its keys cannot be read" }))
      return { keys, version: row?.version ?? 0 }
    })

    /** The keys with a young one among them; another process may have made it meanwhile. */
    const kept = Effect.fnUntraced(function*(purpose: Purpose, now: number) {
      const { keys, version } = yield* read(purpose)
      if (keys.some(({ created }) => now - created < LIFE - DAY)) return keys
      const next = [...keys.filter(({ created }) => now - created < PUBLISHED), yield* freshKey(now)]
      yield* vault.put("signing", purpose, Redacted.make(encode(next)), { replaces: version })
      return next
    }, Effect.retry({ while: (failure) => failure instanceof RowChanged, times: 5 }), Effect.mapError(asFailed))

    const sign = Effect.fnUntraced(function*(purpose: Purpose, typ: string, claims: Readonly<Record<string, unknown>>, life: number) {
      const now = yield* Clock.currentTimeMillis
      const { jwk, kid } = signerAmong(yield* kept(purpose, now), now)
      const seconds = Math.floor(now / 1000)
      const token = yield* Effect.promise(async () =>
        new SignJWT({ ...claims, iat: seconds, exp: seconds + life, jti: crypto.randomUUID() })
          .setProtectedHeader({ alg: ALGORITHM, typ, kid })
          .sign(await importJWK(jwk, ALGORITHM)))
      return { token: Redacted.make(token), expires: (seconds + life) * 1000 }
    })

    const signer = Signer.of({
      accessToken: ({ audience, life, scopes, subject }) => {
        const scope = scopes.length === 0 ? {} : { scope: scopes.join(" ") }
        const claims = { iss: base.current(), aud: audience, sub: subject, client_id: base.current(), ...scope }
        return sign("access", "at+jwt", claims, Math.min(life, LONGEST))
      },
      clientAssertion: ({ audience, clientId }) =>
        Effect.map(sign("client", "JWT", { iss: clientId, sub: clientId, aud: audience }, ASSERTION), ({ token }) => token)
    })

    const published = Effect.forEach(PURPOSES, read).pipe(
      Effect.map((all) => all.flatMap(({ keys }) => keys.map(publicHalf))),
      Effect.mapError(asFailed)
    )
    return Context.make(SigningKeys, SigningKeys.of({ published })).pipe(Context.add(Signer, signer))
  }))
}

const asFailed = (failure: { readonly message: string }) => failure instanceof SignFailed ? failure : new SignFailed({ reason: failure.message })

/** The youngest that has been published for a day; the oldest where none has. */
const signerAmong = (keys: readonly [Key, ...ReadonlyArray<Key>] | ReadonlyArray<Key>, now: number): Key => {
  const [oldest, ...younger] = [...keys].sort((a, b) => a.created - b.created)
  const known = younger.filter(({ created }) => now - created >= DAY).at(-1)
  return known ?? oldest ?? unreachable()
}

const unreachable = (): never => {
  throw new Error("there is always a key")
}

const freshKey = (now: number): Effect.Effect<Key> =>
  Effect.promise(async () => {
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    const { crv = "", d = "", kty = "", x = "", y = "" }: JWK = await exportJWK(privateKey)
    return { kid: crypto.randomUUID(), created: now, jwk: { kty, crv, x, y, d } }
  })

const publicHalf = ({ jwk: { crv, kty, x, y }, kid }: Key): PublicKey => ({ kty, crv, x, y, kid, use: "sig", alg: ALGORITHM })
