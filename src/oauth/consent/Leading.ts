/** Who may go to consent, and with what: the user who was asked, in a browser where that user is signed in, and nobody else. */
import { Effect, Option, Schema } from "effect"
import type { HttpServerRequest } from "effect/http"
import { Consents, type Invited } from "../../guard/Consents.ts"
import { isSamePrincipal } from "../../guard/Principals.ts"
import { Browser, type Visitor } from "../Browser.ts"
import { Refusal } from "../Refusal.ts"

/** What has to be known when the user comes back. */
const Led = Schema.Struct({
  server: Schema.String,
  scopes: Schema.Array(Schema.String),
  isIssuerInResponse: Schema.Boolean,
  /** Who was asked; absent where the answer says who it is. */
  who: Schema.optionalKey(Schema.Struct({ issuer: Schema.String, subject: Schema.String })),
  /** Under which a client hears that it is done. */
  elicitation: Schema.optionalKey(Schema.String),
  /** The client's own request that this is a part of, as a query (proxy_oauth). */
  authorization: Schema.optionalKey(Schema.String)
})
export type Led = typeof Led.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Led))
export const textOf = Schema.encodeSync(Schema.fromJsonString(Led))
export const ledFrom = (text: string | undefined): Led | undefined => Option.getOrUndefined(decode(text))

const AGAIN = "Call the server again from your client, and open the new address"

export const refused = (why: string, detail?: string) =>
  new Refusal({ status: 400, error: "invalid_request", why, next: AGAIN, ...(detail === undefined ? {} : { detail }) })

export const unavailable = (detail: string) =>
  new Refusal({ status: 503, error: "temporarily_unavailable", why: "The consent cannot be asked for now", next: "Try again in a moment", detail })

const foreign = new Refusal({
  status: 403,
  error: "access_denied",
  why: "This address is for the user who called, and another one is signed in here",
  next: "Sign out at /oauth/sign-out, and open the address again as that user"
})

/** What a ticket is for, with the way there. */
export const invitationFor = Effect.fnUntraced(function*(ticket: string | undefined) {
  const consents = yield* Consents
  const invited = ticket === undefined ? undefined : yield* Effect.mapError(consents.invited(ticket), ({ message }) => unavailable(message))
  if (invited === undefined) return yield* refused("This address was used already, or is older than ten minutes")
  const consent = consents.of(invited.server)
  if (consent === undefined) return yield* refused(`The server ${invited.server} does not ask for consent any more`)
  return { invited, consent }
})

/** The visitor, who has to be the one that this is for; nothing while nobody is signed in. */
export const visitorFor = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, invited: Pick<Invited, "issuer" | "subject">) {
  const found: Visitor | undefined = yield* (yield* Browser).visitor(request)
  if (found !== undefined && !isSamePrincipal(found.principal, invited)) return yield* foreign
  return found
})
