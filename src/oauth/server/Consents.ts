/** What users allowed before, so that they are not asked the same again for half a year: only the very same client, address, scopes and endpoint. */
import { Clock, Effect, Schema } from "effect"
import { ownerOf } from "../../guard/Principals.ts"
import { sha256 } from "../../lib/Sha256.ts"
import type { Principal } from "../../plugin/Auth.ts"
import { Store } from "../../store/Store.ts"
import { table } from "./Rows.ts"

const REMEMBERED = 180 * 24 * 60 * 60 * 1000

const consents = table("oauth_consents", Schema.Struct({ given: Schema.Finite }))

export interface Asked {
  readonly principal: Principal
  readonly clientId: string
  readonly redirectUri: string
  readonly resource: string
  readonly scopes: ReadonlyArray<string>
}

/** Of one user; of more the oldest are forgotten, such as those of a client that comes from another port each time. */
const MOST = 200

const ownerPart = ({ principal }: Asked) => Effect.map(sha256(ownerOf(principal)), (hash) => `${hash}/`)

const keyOf = (asked: Asked) => {
  const { clientId, redirectUri, resource, scopes } = asked
  const what = sha256(JSON.stringify([clientId, redirectUri, resource, [...scopes].sort()]))
  return Effect.map(Effect.all([ownerPart(asked), what]), (parts) => parts.join(""))
}

export const isGiven = (asked: Asked) =>
  Effect.map(Effect.flatMap(keyOf(asked), consents.find), (found) => found !== undefined)

export const remember = Effect.fnUntraced(function*(asked: Asked) {
  const key = yield* keyOf(asked)
  const given = yield* Clock.currentTimeMillis
  const change = yield* consents.writing(key, { given }, { expires: given + REMEMBERED, over: yield* consents.find(key) })
  const before = yield* consents.keys(yield* ownerPart(asked))
  const forgotten = before.slice(0, Math.max(0, before.length - MOST + 1)).filter((each) => each !== key).map(consents.removing)
  // Whoever was first remembered the same.
  yield* Effect.catchTag((yield* Store).apply([change, ...forgotten]), "RowChanged", () => Effect.void)
})
