/** What users allowed before, so that they are not asked the same again for half a year: only the very same client, address, scopes and endpoint. */
import { Clock, Effect, Schema } from "effect"
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

const keyOf = ({ clientId, principal: { issuer, subject }, redirectUri, resource, scopes }: Asked) =>
  sha256(JSON.stringify([issuer, subject, clientId, redirectUri, resource, [...scopes].sort()]))

export const isGiven = (asked: Asked) =>
  Effect.map(Effect.flatMap(keyOf(asked), consents.find), (found) => found !== undefined)

export const remember = Effect.fnUntraced(function*(asked: Asked) {
  const key = yield* keyOf(asked)
  const given = yield* Clock.currentTimeMillis
  const change = yield* consents.writing(key, { given }, { expires: given + REMEMBERED, over: yield* consents.find(key) })
  // Whoever was first remembered the same.
  yield* Effect.catchTag((yield* Store).apply([change]), "RowChanged", () => Effect.void)
})
