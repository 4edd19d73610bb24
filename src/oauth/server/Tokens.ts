/** The service `OwnTokens`: whom an access token of ours stands for. It stops to when its grant ends, its client is known no more, or users sign in elsewhere. */
import { Effect, Layer, Redacted } from "effect"
import { Authentication } from "../../guard/Authentication.ts"
import { Base } from "../../guard/Base.ts"
import { OwnTokens } from "../../plugin/OwnTokens.ts"
import { ProviderUnavailable, TokenRefused } from "../../plugin/Provider.ts"
import { Store } from "../../store/Store.ts"
import { signInPlace } from "../browser/SignInPlace.ts"
import { type Allowed, accessOf } from "./Grants.ts"
import { type InForce, Terms } from "./Terms.ts"

/** Whether the manifest in force still knows the client, by the way in which it was known. */
export const admits = ({ clients, registration }: InForce, { clientId, known }: Pick<Allowed, "clientId" | "known">): boolean => {
  if (known === "listed") return clients.some(({ client_id }) => client_id === clientId)
  return registration === (known === "document" ? "cimd" : "dynamic")
}

export const ownTokensLayer = Layer.effect(OwnTokens, Effect.gen(function*() {
  const authentication = yield* Authentication
  const base = yield* Base
  const store = yield* Store
  const terms = yield* Terms

  const standsFor = Effect.fnUntraced(function*(token: Redacted.Redacted<string>) {
    const found = yield* accessOf(Redacted.value(token))
    if (found === undefined) return yield* refused("inactive", "it is not known, has expired or was taken back")
    const inForce = terms.current()
    if (inForce === undefined || !admits(inForce, found.allowed)) return yield* refused("inactive", "its client is not known any more")
    const place = yield* Effect.option(signInPlace(authentication.rules()))
    const { by } = found.allowed
    if (place._tag === "Some" && by !== undefined && place.value.issuer !== by) return yield* refused("inactive", "users sign in elsewhere now")
    return found
  }, Effect.provideService(Store, store))

  return OwnTokens.of({
    issuer: base.current,
    check: Effect.fnUntraced(function*(token, audience) {
      const { allowed, expires } = yield* Effect.catchTag(standsFor(token), "StoreFailed", ({ message }) =>
        new ProviderUnavailable({ issuer: base.current(), detail: `is the gateway itself. ${message}` }))
      if (allowed.resource !== audience) return yield* refused("audience", `it is for ${allowed.resource}, expected exactly ${audience}`)
      const { claims = {}, clientId, issuer, scopes, subject } = allowed
      return { issuer, subject, clientId, scopes, expires: expires / 1000, claims }
    })
  })
}))

const refused = (reason: TokenRefused["reason"], detail: string) => new TokenRefused({ reason, detail })
