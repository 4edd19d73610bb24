/** The caller's token becomes one for the backend at the issuer that signed the caller in (RFC 8693); the gateway asks for itself by client credentials. */
import { Effect } from "effect"
import type { Auth, Egress } from "#plugin"
import { askingAt, type ClientAt, type Failed } from "./Asking.ts"
import { type Granted, grantedIn } from "./Grant.ts"
import { ACCESS_TOKEN, EXCHANGE, type MasterSettings } from "./Settings.ts"

/** How a method gets a credential: for a caller, and for the gateway itself where it can. */
export interface Method {
  readonly forCaller: (principal: Auth.Principal) => Effect.Effect<Granted, Failed | Auth.ConsentNeeded>
  readonly forGateway?: Effect.Effect<Granted, Failed>
  /** What a credential for a caller is kept under. */
  readonly keyOf: (principal: Auth.Principal) => string
  readonly consent?: Auth.Consent
}

export const targetOf = ({ audience, scopes }: Pick<MasterSettings, "audience" | "scopes">): Egress.Fields => ({
  ...(audience === undefined ? {} : { audience, resource: audience }),
  ...(scopes === undefined ? {} : { scope: scopes.join(" ") })
})

export const exchanged = Effect.fnUntraced(function*(settings: MasterSettings, client: ClientAt) {
  const { audience, method, scopes } = settings
  const ask = yield* askingAt(client)
  const target = targetOf(settings)
  const asked = Effect.fn("master_oauth.asked")(function*(form: Egress.Fields, expected: { readonly subject?: string }) {
    return yield* grantedIn(yield* ask(form), { ...expected, audience, scopes, isExchange: form["grant_type"] === EXCHANGE })
  })
  const own = asked({ grant_type: "client_credentials", ...target }, {})

  const forCaller = ({ subject, subjectToken }: Auth.Principal): Effect.Effect<Granted, Failed> => {
    if (method === "client_credentials") return own
    if (subjectToken === undefined) return Effect.fail({ message: "who calls did not sign in with a token of the issuer" })
    const form = { grant_type: EXCHANGE, subject_token: subjectToken, subject_token_type: ACCESS_TOKEN, requested_token_type: ACCESS_TOKEN, ...target }
    return asked(form, { subject })
  }
  const keyOf = ({ issuer, subject, subjectToken }: Auth.Principal) =>
    method === "client_credentials" ? "own" : JSON.stringify([issuer, subject, subjectToken?.hash])
  return { forCaller, forGateway: own, keyOf } satisfies Method
})
