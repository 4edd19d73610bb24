/**
 * A request at the authorization endpoint, checked step by step. As long as the client and its address are not
 * known good, a mistake is shown here; after that it goes back to the client, with our name in it (RFC 9207).
 */
import { Effect, Schema } from "effect"
import { isRedirect } from "../../lib/RedirectUri.ts"
import { type Parameters, parametersOf } from "../Parameters.ts"
import { Refusal } from "../Refusal.ts"
import type { Client } from "./Client.ts"
import { Clients } from "./Clients.ts"
import { type InForce, type Resource, Terms } from "./Terms.ts"

export interface AuthorizationRequest {
  /** As it came; whoever goes through something before the answer comes back with it. */
  readonly query: string
  readonly issuer: string
  readonly client: Client
  readonly redirectUri: string
  readonly state: string | undefined
  readonly challenge: string
  readonly resource: Resource
  readonly scopes: ReadonlyArray<string>
  readonly isAlwaysAsked: boolean
}

/** An answer for the client, which its user's browser takes there. */
export class AnswerClient extends Schema.TaggedError<AnswerClient>()("AnswerClient", {
  address: Schema.String,
  error: Schema.String
}) {}

const ABOUT_CLIENT = ["client_id", "redirect_uri"]

const shownHere = (why: string) =>
  new Refusal({ status: 400, error: "invalid_request", why, next: "Nothing was given to anybody. Tell whoever makes the client, if you know it" })

/** Where the browser goes with the answer. */
export const addressWith = (
  { issuer, redirectUri, state }: Pick<AuthorizationRequest, "issuer" | "redirectUri" | "state">,
  answer: Readonly<Record<string, string>>
): string => {
  const parameters = new URLSearchParams({ ...answer, ...state !== undefined && { state }, iss: issuer }).toString()
  // Not by URL, which would write the rest of the address in its own way.
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${parameters}`
}

const clientFor = Effect.fnUntraced(function*(asked: Parameters) {
  const doubled = ABOUT_CLIENT.find((name) => asked.repeated.includes(name))
  if (doubled !== undefined) return yield* shownHere(`The client sent ${doubled} twice`)
  const id = asked.get("client_id")
  const client = id === undefined ? undefined : yield* (yield* Clients).find(id).pipe(Effect.mapError(unavailable))
  if (client === undefined) return yield* shownHere("The client that sent you here is not known to this gateway")
  const redirectUri = asked.get("redirect_uri")
  if (redirectUri === undefined || !client.redirectUris.some((registered) => isRedirect(redirectUri, registered))) {
    return yield* shownHere("The client wants you sent back to an address that is not registered for it")
  }
  return { client, redirectUri }
})

export const unavailable = ({ message: detail }: { readonly message: string }) =>
  new Refusal({ status: 503, error: "temporarily_unavailable", why: "The gateway cannot answer now", next: "Try again in a moment", detail })

/** The first thing about the rest of the request that is not right. */
const mistakeIn = (asked: Parameters, { resource }: InForce): string | undefined => {
  if (asked.repeated.length > 0) return "invalid_request"
  if (asked.get("response_type") === undefined) return "invalid_request"
  if (asked.get("response_type") !== "code") return "unsupported_response_type"
  if ((asked.get("response_mode") ?? "query") !== "query") return "invalid_request"
  if (asked.get("request") !== undefined) return "request_not_supported"
  if (asked.get("request_uri") !== undefined) return "request_uri_not_supported"
  if (asked.get("code_challenge_method") !== "S256" || !/^[A-Za-z0-9_-]{43}$/u.test(asked.get("code_challenge") ?? "")) return "invalid_request"
  const resources = asked.all("resource")
  return resources.length === 1 && resource(resources[0] ?? "") !== undefined ? undefined : "invalid_target"
}

export const checked = Effect.fnUntraced(function*(query: string): Effect.fn.Return<AuthorizationRequest, Refusal | AnswerClient, Clients | Terms> {
  const terms = (yield* Terms).current()
  if (terms === undefined) return yield* new Refusal({ status: 404, error: "not_found", why: "This gateway is no authorization server", next: "Ask whoever runs it" })
  const asked = parametersOf(query)
  const { client, redirectUri } = yield* clientFor(asked)
  const back = { issuer: terms.issuer, redirectUri, state: asked.get("state") }
  const error = mistakeIn(asked, terms)
  const resource = terms.resource(asked.get("resource") ?? "")
  if (error !== undefined || resource === undefined) {
    return yield* new AnswerClient({ address: addressWith(back, { error: error ?? "invalid_target" }), error: error ?? "invalid_target" })
  }
  return {
    ...back,
    query,
    client,
    resource,
    scopes: resource.scopes,
    challenge: asked.get("code_challenge") ?? "",
    isAlwaysAsked: asked.get("prompt")?.split(" ").includes("consent") === true
  }
})
