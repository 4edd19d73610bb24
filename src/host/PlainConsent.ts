/** How a user consents, in the plain face: where it leads is looked at before a browser is sent there. */
import { Effect, Predicate, Redacted, Schema } from "effect"
import { Auth } from "#plugin"
import { isLoopback } from "../lib/Loopback.ts"
import type { PlainConsent } from "../plugin/PlainAuth.ts"
import type { Asking } from "./PlainAsking.ts"
import { plainPrincipal } from "./PlainPrincipal.ts"

/** A browser is sent over https, or to this machine. */
const isSafe = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { hostname, protocol } = new URL(text)
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname))
}

const Away = Schema.Struct({
  url: Schema.String.check(Schema.makeFilter(isSafe)),
  issuer: Schema.NonEmptyString,
  isIssuerInResponse: Schema.optional(Schema.Boolean)
})
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const consentFrom = (plain: PlainConsent, asked: Asking, server: string): Auth.Consent => ({
  when: "asked",
  scopes: plain.scopes,

  begin: (leaving) => Effect.map(
    asked(Away, (signal) => plain.begin({ ...leaving, signal })),
    ({ isIssuerInResponse = false, issuer, url }) => ({ isIssuerInResponse, issuer, url })
  ),

  finish: ({ code, codeVerifier, principal, ...arrived }) => {
    if (principal === undefined) return new Auth.CredentialRefused({ server, reason: "nobody says whom it is for" })
    const call = { ...arrived, principal: plainPrincipal(principal), code: Redacted.value(code), codeVerifier: Redacted.value(codeVerifier) }
    return Effect.as(asked(Schema.Undefined, (signal) => hushed(async () => plain.finish({ ...call, signal }))), principal)
  },

  has: (principal) => asked(Schema.Boolean, (signal) => plain.has({ principal: plainPrincipal(principal), signal })),

  forget: (principal) =>
    asked(Count, (signal) => plain.forget({ ...principal === undefined ? {} : { principal: plainPrincipal(principal) }, signal }))
})

/** What it throws may hold the code, or the token that it was traded for; its kind is all that is told. */
const hushed = (ask: () => Promise<unknown>): Promise<unknown> =>
  ask().catch((cause: unknown) => Promise.reject(new Error(`finish threw (${cause instanceof Error ? cause.name : typeof cause})`)))

export const isConsent = (value: unknown): value is PlainConsent =>
  Predicate.hasProperty(value, "scopes") && Array.isArray(value.scopes) && value.scopes.every(Predicate.isString) &&
  ["begin", "finish", "has", "forget"].every((name) => Predicate.isFunction(Reflect.get(value, name)))
