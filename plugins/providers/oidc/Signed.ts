/** Checks JWTs by the keys of their issuer. What needs no key comes first, so that garbage and foreign tokens cost no request. */
import { Clock, Effect } from "effect"
import { type Egress, Provider } from "#plugin"
import { claimsMistake, failing, headerMistake, refused, type Rules } from "./Claims.ts"
import type { Jws } from "./Jws.ts"
import { candidatesFor, isSignedBy, keysIn } from "./Keys.ts"
import { kept, TIMES } from "./Kept.ts"
import { unreachable } from "./TokenEndpoint.ts"

export interface KeysOf {
  readonly issuer: string
  readonly egress: Egress.Egress["Service"]
  /** Where the keys are. */
  readonly place: Effect.Effect<string | undefined, Provider.ProviderUnavailable>
}

export const signedBy = ({ egress, issuer, place }: KeysOf) => {
  const unavailable = (detail: string) => new Provider.ProviderUnavailable({ issuer, detail })

  const fetchKeys = Effect.gen(function*() {
    const url = yield* place
    if (url === undefined) return yield* unavailable("names no keys in its metadata")
    const { body, status } = yield* Effect.mapError(egress.ask(issuer, { url }), unreachable(issuer))
    const found = status === 200 ? keysIn(body) : undefined
    return found ?? (yield* unavailable(`has no set of keys at ${url}`))
  })
  const keys = kept(fetchKeys, TIMES)

  /** Ends well for a good token alone. */
  return Effect.fnUntraced(function*(jws: Jws, rules: Rules) {
    yield* failing(headerMistake(jws, rules))
    yield* failing(claimsMistake(jws.claims, rules, (yield* Clock.currentTimeMillis) / 1000))
    const known = candidatesFor(yield* keys.current, jws)
    const candidates = known.length > 0 ? known : candidatesFor(yield* keys.newer, jws)
    if (candidates.length === 0) return yield* refused("signature", "no key of the issuer fits it")
    if (!(yield* isSignedBy(candidates, jws))) return yield* refused("signature", "its signature is wrong")
  })
}
