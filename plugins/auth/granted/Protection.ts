/**
 * How a backend says that it is protected: in the challenge to a request without a credential, and in its protected
 * resource metadata (RFC 9728). From them come its authorization server, and the scopes that its users need.
 */
import { Effect, Option, Schema } from "effect"
import { Egress } from "#plugin"
import { isSafe } from "../../providers/oidc/Settings.ts"
import type { Mistake } from "./Client.ts"

export interface Protection {
  readonly issuer: string
  /** What tokens are for, as the metadata name it (RFC 8707). */
  readonly resource: string
  readonly scopes: ReadonlyArray<string>
}

const Metadata = Schema.Struct({
  resource: Schema.String,
  authorization_servers: Schema.NonEmptyArray(Schema.String),
  scopes_supported: Schema.optionalKey(Schema.Array(Schema.String))
})

const WELL_KNOWN = "/.well-known/oauth-protected-resource"

/** Most scopes that a backend can have its users asked for. */
const MOST = 50

/** Whoever is let in with it does nothing. */
const question = (url: string): Egress.Question =>
  ({ url, json: { jsonrpc: "2.0", id: "1", method: "ping" }, accept: "application/json, text/event-stream" })

const scopesIn = (text: string | undefined): ReadonlyArray<string> | undefined => {
  const scopes = Egress.scopesOf(text ?? "")
  return scopes.length === 0 || scopes.length > MOST ? undefined : scopes
}

/** RFC 9728, 3.1 and 5.1; the place that the challenge names comes first. */
const placesFor = (resource: string, named: string | undefined): ReadonlyArray<string> => {
  const { origin, pathname } = new URL(resource)
  return [...new Set([...(named === undefined ? [] : [named]), `${origin}${WELL_KNOWN}${pathname === "/" ? "" : pathname}`, `${origin}${WELL_KNOWN}`])]
}

/** RFC 9728, 3.3: metadata are of the very resource. Only those at the root speak for the whole host, which others there could claim. */
const isAbout = (place: string, resource: string, named: string): boolean => {
  const { origin } = new URL(resource)
  return named === resource || (place === `${origin}${WELL_KNOWN}` && (named === origin || named === `${origin}/`))
}

export const protectionOf = Effect.fnUntraced(function*(resource: string): Effect.fn.Return<Protection, Mistake, Egress.Egress> {
  const egress = yield* Egress.Egress
  const challenge = Option.getOrUndefined(yield* Effect.option(egress.ask(resource, question(resource))))?.challenge ?? ""
  for (const url of placesFor(resource, Egress.parameterIn(challenge, "resource_metadata"))) {
    const answer = yield* Effect.option(egress.ask(resource, { url }))
    const metadata = Option.flatMap(answer, ({ body, status }) => status === 200 ? Schema.decodeUnknownOption(Metadata)(body) : Option.none())
    if (Option.isNone(metadata)) continue
    const { authorization_servers: [issuer, ...more], resource: named, scopes_supported } = metadata.value
    if (!isAbout(url, resource, named)) return yield* Effect.fail({ message: `${url} speaks of another resource; write the issuer into the manifest` })
    if (more.length > 0) return yield* Effect.fail({ message: `it names ${more.length + 1} authorization servers; write the one to use as issuer` })
    if (!isSafe(issuer)) return yield* Effect.fail({ message: "it names an authorization server whose address is not https" })
    return { issuer, resource: named, scopes: scopesIn(Egress.parameterIn(challenge, "scope")) ?? scopesIn(scopes_supported?.join(" ")) ?? [] }
  }
  return yield* Effect.fail({ message: "`issuer` is missing, and the server names no authorization server" })
})
