/**
 * The caller's identity becomes a separate credential for the backend, at the issuer that signed the
 * caller in: by token exchange (RFC 8693), or a credential of the gateway's own by client credentials.
 * There is no fallback: without that credential nothing is sent.
 */
import { Effect, Redacted } from "effect"
import { Auth, Egress, Plugin } from "#plugin"
import { discovered } from "../providers/oidc/Discovery.ts"
import { kept, TIMES } from "../providers/oidc/Kept.ts"
import { type Granted, grantedIn } from "./master/Grant.ts"
import { remembering } from "./master/Remembering.ts"
import { ACCESS_TOKEN, EXCHANGE, MasterSettings } from "./master/Settings.ts"

export default Plugin.define("auth", {
  name: "master_oauth",
  summary: "Gets a credential for the backend at the issuer that signed the caller in",
  config: MasterSettings,
  build: Effect.fnUntraced(function*(config) {
    const { audience, client_id, client_secret, issuer, method, scopes } = config
    const egress = yield* Egress.Egress
    const metadata = kept(Effect.provideService(discovered(issuer), Egress.Egress, egress), TIMES)
    const target: Egress.Fields = {
      ...(audience === undefined ? {} : { audience, resource: audience }),
      ...(scopes === undefined ? {} : { scope: scopes.join(" ") })
    }

    const asked = Effect.fn("master_oauth.asked")(function*(form: Egress.Fields, expected: { readonly subject?: string }) {
      const { tokenEndpoint } = yield* metadata.current
      const answer = yield* egress.ask(issuer, { url: tokenEndpoint, form, as: { _tag: "Client", id: client_id, secret: client_secret } })
      return yield* grantedIn(answer, { ...expected, audience, scopes, isExchange: form["grant_type"] === EXCHANGE })
    })

    const own = asked({ grant_type: "client_credentials", ...target }, {})
    const exchanged = ({ subject, subjectToken }: Auth.Principal) =>
      subjectToken === undefined
        ? Effect.fail({ message: "who calls did not sign in with a token of the issuer" })
        : asked({
          grant_type: EXCHANGE,
          subject_token: subjectToken,
          subject_token_type: ACCESS_TOKEN,
          requested_token_type: ACCESS_TOKEN,
          ...target
        }, { subject })

    const remembered = yield* remembering
    const headers = (key: string, ask: Effect.Effect<Granted, { readonly message: string }>, server: Auth.ServerRef) =>
      Effect.matchEffect(remembered(key, ask), {
        onSuccess: (token) => Effect.succeed({ headers: { authorization: Redacted.make(`Bearer ${Redacted.value(token)}`) } }),
        onFailure: ({ message }) => new Auth.CredentialRefused({ server: server.id, reason: message })
      })

    return {
      credential: (principal: Auth.Principal, server: Auth.ServerRef) =>
        method === "client_credentials"
          ? headers("own", own, server)
          : headers(JSON.stringify([principal.issuer, principal.subject, principal.subjectToken?.hash]), exchanged(principal), server),
      // What the gateway asks on its own account, such as lists, it asks as itself.
      own: (server: Auth.ServerRef) => headers("own", own, server)
    }
  })
})
