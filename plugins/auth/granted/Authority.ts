/**
 * Which authorization server a backend trusts: the one of the manifest, else the one that the backend names. What it
 * named first is kept: a backend cannot send users, and what they granted, elsewhere later.
 */
import { Effect, Option, Redacted, Schema } from "effect"
import { Auth, Egress, Keep } from "#plugin"
import { kept, TIMES } from "../../providers/oidc/Kept.ts"
import type { Mistake } from "./Client.ts"
import { protectionOf } from "./Protection.ts"
import type { GrantSettings } from "./Settings.ts"

/** Who gives tokens, and what they are for. */
const Place = Schema.Struct({ issuer: Schema.String, resource: Schema.String })
export type Place = typeof Place.Type
const PlaceText = Schema.fromJsonString(Place)
const decode = Schema.decodeUnknownOption(PlaceText)
const encode = Schema.encodeSync(PlaceText)

export interface Authority {
  readonly place: Effect.Effect<Place, Mistake>
  /** What users are asked for where nobody wrote it. */
  readonly scopes: Effect.Effect<ReadonlyArray<string>, Mistake>
  /**
   * Fails where the backend trusts another one by now: to consent where it was would be in vain.
   * @param isRefused whether the backend has just refused what was granted there, so that it is asked anew
   */
  readonly stays: (isRefused: boolean) => Effect.Effect<void, Mistake>
}

/** How long, in milliseconds, a backend that refuses tokens is left alone before it is asked again. */
const PAUSE = 1000

export const authorityFor = Effect.fnUntraced(function*({ issuer: written, scopes }: GrantSettings) {
  const egress = yield* Egress.Egress
  const keep = yield* Keep.Keep
  const { id, resource = "" } = yield* Auth.Server
  if (written !== undefined) {
    const authority: Authority = { place: Effect.succeed({ issuer: written, resource }), scopes: Effect.succeed(scopes ?? []), stays: () => Effect.void }
    return authority
  }
  const missing = Effect.fail({ message: "`issuer` is missing, and a server without an address of its own cannot be asked for it" })
  const said = kept(Effect.provideService(resource === "" ? missing : protectionOf(resource), Egress.Egress, egress), { ...TIMES, pause: PAUSE })
  const key = ["authority", resource]

  const pinned = Effect.map(keep.get(key), (row) => row === undefined ? undefined : Option.getOrUndefined(decode(Redacted.value(row.value))))

  const place = Effect.gen(function*() {
    const known = yield* pinned
    if (known !== undefined) return known
    const { issuer, resource: named } = yield* said.current
    yield* keep.put(key, { value: Redacted.make(encode({ issuer, resource: named })) })
    yield* Effect.logInfo(`its users consent at ${issuer}, as it says; from now on that holds, until the issuer is written into the manifest`, { server: id })
    return { issuer, resource: named }
  })

  const stays = Effect.fnUntraced(function*(isRefused: boolean): Effect.fn.Return<void, Mistake> {
    const { issuer } = yield* place
    const now = Option.getOrUndefined(yield* Effect.option(isRefused ? said.newer : said.current))
    if (now === undefined || now.issuer === issuer) return
    return yield* Effect.fail({ message: `it names ${now.issuer} now as its authorization server, and ${issuer} before; if that is right, write it into the manifest as issuer` })
  })

  const authority: Authority = {
    place,
    scopes: scopes === undefined ? Effect.map(said.current, (protection) => protection.scopes) : Effect.succeed(scopes),
    stays
  }
  return authority
})
