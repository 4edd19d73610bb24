/** What the gateway does at an issuer with tokens of its own: refresh them, and ask whose they are. */
import { Effect, type Redacted } from "effect"
import { type Egress, Provider } from "#plugin"
import { asClient } from "./ClientProof.ts"
import { tokensIn, unreachable, userInfoIn } from "./TokenEndpoint.ts"

export interface AtIssuer {
  readonly issuer: string
  readonly egress: Egress.Egress["Service"]
  readonly metadata: Effect.Effect<Provider.AuthorizationServer, Provider.ProviderUnavailable>
  readonly client_id?: string
  readonly client_secret?: Redacted.Redacted<string>
}

export const ownTokens = ({ client_id, client_secret, egress, issuer, metadata }: AtIssuer) => {
  const unavailable = (detail: string) => new Provider.ProviderUnavailable({ issuer, detail })

  const refresh = Effect.fn("oidc.refresh")(function*(refresh_token: Redacted.Redacted<string>) {
    const { tokenEndpoint, tokenEndpointAuthMethods } = yield* metadata
    if (client_id === undefined) return yield* unavailable("cannot be asked for a refresh without `client_id`")
    const proof = asClient({ id: client_id, secret: client_secret }, tokenEndpointAuthMethods)
    const answer = yield* egress.ask(issuer, { ...proof, url: tokenEndpoint, form: { ...proof.form, grant_type: "refresh_token", refresh_token } }).pipe(Effect.mapError(unreachable(issuer)))
    return yield* tokensIn({ issuer }, answer)
  })

  const userInfo = Effect.fn("oidc.userInfo")(function*(token: Redacted.Redacted<string>) {
    const { userinfoEndpoint } = yield* metadata
    if (userinfoEndpoint === undefined) return yield* unavailable("has no userinfo endpoint")
    const answer = yield* egress.ask(issuer, { url: userinfoEndpoint, as: { _tag: "Token", token } })
      .pipe(Effect.mapError(unreachable(issuer)))
    return yield* userInfoIn(issuer, answer)
  })

  return { refresh, userInfo }
}
