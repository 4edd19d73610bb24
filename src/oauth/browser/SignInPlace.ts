/** Where users sign in now, as the manifest in force says; and why nobody can, in words for whoever writes it. */
import { Effect } from "effect"
import type { Rules } from "../../guard/Authentication.ts"
import type { Principal } from "../../plugin/Auth.ts"
import type { BrowserClient, Identity, IdentityProvider } from "../../plugin/Provider.ts"
import { SignInUnavailable } from "../Browser.ts"

export interface SignInPlace {
  readonly issuer: string
  readonly client: BrowserClient
  readonly metadata: IdentityProvider["metadata"]
  /** Whom the gateway takes the identity for. */
  readonly principalOf: (identity: Identity) => Principal
}

const unavailable = (reason: string) => Effect.fail(new SignInUnavailable({ reason }))

export const signInPlace = (rules: Rules | undefined): Effect.Effect<SignInPlace, SignInUnavailable> => {
  if (rules === undefined) return unavailable("the gateway is starting")
  if (rules.kind === "local") return unavailable("the manifest asks for no sign-in")
  if (rules.signIn === undefined) return unavailable("the manifest takes API keys only; it needs master_oauth with client_id and client_secret")
  const { provider, users = provider } = rules.signIn
  const { browser, issuer, metadata } = users
  if (browser === undefined) {
    const key = users === provider ? "master_oauth" : "authorization_server.upstream"
    return unavailable(`${key} lacks client_id and client_secret, the gateway's own client at the issuer`)
  }
  return Effect.succeed({
    issuer,
    client: browser,
    metadata,
    principalOf: ({ claims, subject }) =>
      users === provider ? { issuer, subject, claims } : { issuer: provider.issuer, subject: subjectFrom(issuer, subject), claims }
  })
}

/** A user of an upstream as a subject of the gateway's own: the first `@` ends the name, so that no two users share one. */
export const subjectFrom = (upstream: string, subject: string): string =>
  `${subject.replaceAll("%", "%25").replaceAll("@", "%40")}@${upstream}`
