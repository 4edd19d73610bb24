/**
 * What a token has to say to be good here (RFC 9068, section 4), stricter in one point: the audience
 * is ours alone. A token that is for others as well could be brought here by any of them.
 */
import { Duration, Effect, Option, Predicate, Schema } from "effect"
import { Provider } from "#plugin"
import type { Jws } from "./Jws.ts"

export interface Rules {
  readonly issuers: ReadonlyArray<string>
  readonly audience: string
  /** An empty one stands for tokens that name no type, as ID tokens may. */
  readonly types: ReadonlyArray<string>
  readonly longestLife: Duration.Duration
  readonly clockSkew: Duration.Duration
}

/** None of these can be made with a public key or with nothing. */
const ALGORITHMS: ReadonlyArray<string> = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519"
]

const LONGEST_SAID = 60

type Claims = Readonly<Record<string, unknown>>

export const refused = (reason: Provider.TokenRefused["reason"], detail: string) => new Provider.TokenRefused({ reason, detail })

/** The media type without its first half, which may be left out (RFC 7515, 4.1.9). */
export const typeOf = (text: string): string => text.toLowerCase().replace(/^application\//u, "")

export const headerMistake = ({ header: { alg, crit, typ } }: Jws, { types }: Rules): Provider.TokenRefused | undefined => {
  if (!ALGORITHMS.includes(alg)) return refused("algorithm", `it is signed with ${said(alg)}`)
  if (crit !== undefined) return refused("malformed", "it asks for extensions that are not known here")
  if (!types.includes(typeOf(typ ?? "")) || typ === "") return refused("type", `its typ is ${said(typ)}, expected ${types.join(" or ")}`)
  return undefined
}

const Numbers = Schema.Struct({
  exp: Schema.Finite,
  nbf: Schema.optionalKey(Schema.Finite),
  iat: Schema.optionalKey(Schema.Finite)
})

/** @param now in seconds since 1970 */
export const claimsMistake = (claims: Claims, rules: Rules, now: number): Provider.TokenRefused | undefined => {
  const { iss, sub } = claims
  if (!Predicate.isString(iss) || !rules.issuers.includes(iss)) return refused("issuer", `its issuer is ${said(iss)}, expected ${rules.issuers[0]}`)
  if (!isFor(claims["aud"], rules.audience)) return refused("audience", `it is for ${said(claims["aud"])}, expected exactly ${rules.audience}`)
  if (!Predicate.isString(sub) || sub === "") return refused("subject", "it names no subject")
  return timesMistake(claims, rules, now)
}

const timesMistake = (claims: Claims, { clockSkew, longestLife }: Rules, now: number): Provider.TokenRefused | undefined => {
  const numbers = Schema.decodeUnknownOption(Numbers)(claims)
  if (Option.isNone(numbers)) return refused("malformed", "its exp is missing, or exp, nbf or iat is no number")
  const { exp, iat, nbf = -Infinity } = numbers.value
  const skew = Duration.toSeconds(clockSkew)
  if (exp + skew <= now) return refused("expired", "it has expired")
  if (nbf - skew > now) return refused("not_yet", "it is not good yet")
  if (iat !== undefined && iat - skew > now) return refused("not_yet", "it was issued in the future")
  const life = exp - (iat ?? now)
  const longest = Duration.toSeconds(longestLife)
  return life > longest ? refused("lifetime", `it lives ${Math.round(life)} seconds, at most ${longest} are accepted`) : undefined
}

/** The text itself, or a list of nothing else. */
export const isFor = (aud: unknown, audience: string): boolean =>
  Array.isArray(aud) ? aud.length === 1 && aud[0] === audience : aud === audience

export const scopesIn = ({ scope, scp }: Claims): ReadonlyArray<string> => {
  if (Array.isArray(scp)) return scp.filter(Predicate.isString)
  const text = [scope, scp].find(Predicate.isString) ?? ""
  return text.split(" ").filter((each) => each !== "")
}

export const textIn = (claims: Claims, ...names: ReadonlyArray<string>): string | undefined =>
  names.map((name) => claims[name]).find(Predicate.isString)

/** Of claims without a mistake. */
export const identityFrom = (issuer: string, claims: Claims): Provider.Identity => ({
  issuer,
  subject: textIn(claims, "sub") ?? "",
  clientId: textIn(claims, "client_id", "azp"),
  scopes: scopesIn(claims),
  expires: Predicate.isNumber(claims["exp"]) ? claims["exp"] : 0,
  claims
})

export const failing = (mistake: Provider.TokenRefused | undefined) => mistake === undefined ? Effect.void : Effect.fail(mistake)

/** A value for the log: what a stranger wrote, cut short. */
const said = (value: unknown): string => {
  const text = value === undefined ? "missing" : JSON.stringify(value)
  return text.length > LONGEST_SAID ? `${text.slice(0, LONGEST_SAID)}...` : text
}
