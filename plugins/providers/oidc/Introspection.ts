/** Asks the issuer whether a token is good (RFC 7662). Only the issuer the manifest names is asked, as the gateway's own client there. */
import { Clock, Duration, Effect, Option, type Redacted, Schema } from "effect"
import { Egress, Provider } from "#plugin"
import { identityFrom, isFor, refused, type Rules, textIn } from "./Claims.ts"
import type { Credentials } from "./Settings.ts"
import { errorIn, unreachable } from "./TokenEndpoint.ts"

const Answer = Schema.Struct({
  active: Schema.Boolean,
  iss: Schema.optionalKey(Schema.String),
  aud: Schema.optionalKey(Schema.Unknown),
  exp: Schema.optionalKey(Schema.Finite),
  nbf: Schema.optionalKey(Schema.Finite)
})
const Anything = Schema.Record(Schema.String, Schema.Unknown)

export interface Asked {
  readonly server: Provider.AuthorizationServer
  readonly credentials: typeof Credentials.Type
  readonly token: Redacted.Redacted<string>
}

const asked = Effect.fnUntraced(function*({ credentials: { client_id, client_secret }, server, token }: Asked) {
  const { introspectionEndpoint, issuer } = server
  const egress = yield* Egress.Egress
  if (introspectionEndpoint === undefined) return yield* new Provider.ProviderUnavailable({ issuer, detail: "has no introspection endpoint" })
  return yield* egress.ask(issuer, {
    url: introspectionEndpoint,
    form: { token, token_type_hint: "access_token" },
    as: { _tag: "Client", id: client_id, secret: client_secret }
  }).pipe(Effect.mapError(unreachable(issuer)))
})

const answerIn = Effect.fnUntraced(function*(issuer: string, { body, status }: Egress.Answer) {
  const answer = Schema.decodeUnknownOption(Answer)(body)
  if (status !== 200 || Option.isNone(answer)) {
    const detail = `did not say whether a token is good: it answered ${status} ${errorIn(body)}`
    return yield* new Provider.ProviderUnavailable({ issuer, detail: detail.trimEnd() })
  }
  if (!answer.value.active) return yield* refused("inactive", "the issuer says that it is not active")
  return answer.value
})

/** The identity of an opaque token: all that is known of it is what the issuer says. */
export const introspected = Effect.fnUntraced(function*(ask: Asked, rules: Rules) {
  const { issuer } = ask.server
  const answer = yield* asked(ask)
  const { aud, exp, iss = issuer, nbf = -Infinity } = yield* answerIn(issuer, answer)
  const claims: typeof Anything.Type = Option.getOrElse(Schema.decodeUnknownOption(Anything)(answer.body), () => ({}))
  const now = (yield* Clock.currentTimeMillis) / 1000
  const skew = Duration.toSeconds(rules.clockSkew)

  if (iss !== issuer) return yield* refused("issuer", "the issuer says that another one issued it")
  if (!isFor(aud, rules.audience)) return yield* refused("audience", `the issuer does not say that it is for ${rules.audience}, and for that alone`)
  if ((textIn(claims, "sub") ?? "") === "") return yield* refused("subject", "the issuer names no subject")
  if (exp !== undefined && exp + skew <= now) return yield* refused("expired", "it has expired")
  if (nbf - skew > now) return yield* refused("not_yet", "it is not good yet")
  return { ...identityFrom(issuer, claims), expires: exp ?? now + Duration.toSeconds(rules.longestLife) }
})

/** Whether a JWT that is good by itself has been revoked. A server that knows no JWTs here has nothing to say about it. */
export const stillActive = Effect.fnUntraced(function*(ask: Asked) {
  const answer = yield* asked(ask)
  if (answer.status === 400 && errorIn(answer.body) === "unsupported_token_type") return
  yield* answerIn(ask.server.issuer, answer)
})
