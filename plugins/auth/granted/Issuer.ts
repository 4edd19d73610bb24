/**
 * Which authorization server a backend trusts: the one of the manifest, else the one that the backend names
 * in its protected resource metadata (RFC 9728). What it named first is kept: a backend cannot send users elsewhere later.
 */
import { Effect, Option, Redacted, Schema } from "effect"
import { Auth, Egress, Keep } from "#plugin"
import { isSafe } from "../../providers/oidc/Settings.ts"
import type { Mistake } from "./Client.ts"

const Metadata = Schema.Struct({
  resource: Schema.String,
  authorization_servers: Schema.NonEmptyArray(Schema.String)
})

const WELL_KNOWN = "/.well-known/oauth-protected-resource"

/** RFC 9728, 3.1. */
const placesFor = (resource: string): ReadonlyArray<string> => {
  const { origin, pathname } = new URL(resource)
  return [...new Set([`${origin}${WELL_KNOWN}${pathname === "/" ? "" : pathname}`, `${origin}${WELL_KNOWN}`])]
}

export const issuerFor = Effect.fnUntraced(function*(written: string | undefined) {
  const egress = yield* Egress.Egress
  const keep = yield* Keep.Keep
  const { id, resource } = yield* Auth.Server
  if (written !== undefined) return Effect.succeed(written)
  if (resource === undefined) return Effect.fail({ message: "`issuer` is missing, and a server without an address of its own cannot be asked for it" })
  const key = ["issuer", resource]

  const asked = Effect.fnUntraced(function*(): Effect.fn.Return<string, Mistake> {
    for (const url of placesFor(resource)) {
      const answer = yield* Effect.option(egress.ask(resource, { url }))
      const metadata = Option.flatMap(answer, ({ body, status }) => status === 200 ? Schema.decodeUnknownOption(Metadata)(body) : Option.none())
      if (Option.isNone(metadata)) continue
      const { authorization_servers: [issuer, ...more], resource: named } = metadata.value
      if (named !== resource) return yield* Effect.fail({ message: `${url} speaks of another resource; write the issuer into the manifest` })
      if (more.length > 0) return yield* Effect.fail({ message: `it names ${more.length + 1} authorization servers; write the one to use as issuer` })
      if (!isSafe(issuer)) return yield* Effect.fail({ message: "it names an authorization server whose address is not https" })
      return issuer
    }
    return yield* Effect.fail({ message: "`issuer` is missing, and the server names no authorization server" })
  })

  return Effect.gen(function*() {
    const pinned = yield* keep.get(key)
    if (pinned !== undefined) return Redacted.value(pinned.value)
    const issuer = yield* asked()
    yield* keep.put(key, { value: Redacted.make(issuer) })
    yield* Effect.logInfo(`its users consent at ${issuer}, as it says; from now on that holds, until the issuer is written into the manifest`, { server: id })
    return issuer
  })
})
