/**
 * Authorization codes: good once, for a minute, for the client, the address and the challenge they were made for.
 * A code that was used is remembered for an hour, so that a second use takes back what the first one got.
 */
import { Clock, Effect, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { utf8 } from "../../lib/Utf8.ts"
import { Store } from "../../store/Store.ts"
import { randomText } from "../Random.ts"
import { Allowed, begun, end, tokensOf } from "./Grants.ts"
import { keyOf, table } from "./Rows.ts"

const LIFE = 60_000
const REMEMBERED = 60 * 60 * 1000

const Code = Schema.Struct({
  allowed: Allowed,
  redirectUri: Schema.String,
  challenge: Schema.String,
  /** The grant that came of it, or nothing where it came to nothing. */
  used: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const codes = table("oauth_codes", Code)

export interface Wanted {
  readonly allowed: Allowed
  readonly redirectUri: string
  readonly challenge: string
}

export const codeFor = Effect.fnUntraced(function*({ allowed, challenge, redirectUri }: Wanted) {
  const code = randomText()
  const expires = (yield* Clock.currentTimeMillis) + LIFE
  const change = yield* codes.writing(yield* keyOf(code), { allowed, redirectUri, challenge }, { expires })
  yield* Effect.catchTag((yield* Store).apply([change]), "RowChanged", Effect.die)
  return code
})

export interface Brought {
  readonly code: string
  readonly clientId: string
  readonly redirectUri: string | undefined
  readonly verifier: string
  readonly resource: string | undefined
}

const fits = Effect.fnUntraced(function*({ allowed, challenge, redirectUri }: typeof Code.Type, brought: Brought) {
  const digest = yield* Effect.promise(() => crypto.subtle.digest("SHA-256", utf8.to(brought.verifier)))
  return brought.clientId === allowed.clientId && brought.redirectUri === redirectUri &&
    Base64Url.encode(new Uint8Array(digest)) === challenge &&
    (brought.resource === undefined || brought.resource === allowed.resource)
})

/** The tokens for a code, once; nothing for one that does not count, which is then used up as well. */
export const redeemed = Effect.fnUntraced(function*(brought: Brought) {
  const store = yield* Store
  const found = yield* codes.find(yield* keyOf(brought.code))
  if (found === undefined) return undefined
  const { allowed, used } = found.value
  if (used !== undefined) {
    if (used !== null) yield* end(used)
    yield* tokensOf(allowed, "used_twice")
    yield* Effect.logWarning("A code came twice: what it was traded for is taken back", { client: allowed.clientId, subject: allowed.subject })
    return undefined
  }
  const first = (yield* fits(found.value, brought)) ? yield* begun(allowed) : undefined
  const expires = (yield* Clock.currentTimeMillis) + REMEMBERED
  const spent = yield* codes.writing(found.key, { ...found.value, used: first?.grant ?? null }, { expires, over: found })
  yield* store.apply([spent, ...first?.changes ?? []])
  if (first !== undefined) yield* tokensOf(allowed, "given")
  return first?.given
  // Of two at a time one is late, and finds it used.
}, Effect.retry({ while: ({ _tag }) => _tag === "RowChanged", times: 3 }), Effect.catchTag("RowChanged", Effect.die))
