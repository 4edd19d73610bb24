/** An auth strategy of the plain face as one of ours. What it throws is for the log, never for the caller. */
import { Effect, Predicate, Redacted, Schema } from "effect"
import { Auth } from "#plugin"
import type { PlainAuth } from "../plugin/PlainAuth.ts"
import { askingIn } from "./PlainAsking.ts"
import { consentFrom, isConsent } from "./PlainConsent.ts"
import { plainPrincipal } from "./PlainPrincipal.ts"
import { secretHeaders } from "./Secret.ts"
import { StartFailed } from "./StartFailed.ts"

const address = Schema.optional(Schema.String)
const Headers = Schema.Struct({ headers: Schema.Record(Schema.String, Schema.String) })
const Needed = Schema.Struct({
  consent: Schema.Struct({
    scopes: Schema.optional(Schema.Array(Schema.String)),
    authorizationEndpoint: address,
    tokenEndpoint: address,
    clientId: address,
    returnAddress: address
  })
})

export const authFrom = (name: string) => Effect.fnUntraced(function*(value: unknown): Effect.fn.Return<Auth.AuthStrategy, StartFailed, Auth.Server> {
  if (!isAuth(value)) return yield* new StartFailed({ needs: "the function credential" })
  if (value.consent !== undefined && !isConsent(value.consent)) {
    return yield* new StartFailed({ needs: "in consent the list scopes and the functions begin, finish, has and forget" })
  }
  const { id } = yield* Auth.Server
  const { consent, own, rejected } = value
  const asked = askingIn({ name, server: id })
  const scopes = consent?.scopes ?? []

  return {
    credential: Effect.fnUntraced(function*(principal: Auth.Principal, server: Auth.ServerRef) {
      const answer = yield* asked(
        Schema.Union([Headers, Needed]),
        (signal) => value.credential({ principal: plainPrincipal(principal), server: { id: server.id }, signal })
      )
      return "consent" in answer ? yield* needed(id, scopes, answer) : credentialOf(answer)
    }),
    ...rejected !== undefined && {
      rejected: Effect.fnUntraced(function*(principal: Auth.Principal, rejection: Auth.Rejection) {
        const { scopes: wanted, sent, status } = rejection
        const call = { principal: plainPrincipal(principal), status, scopes: wanted, ...sent === undefined ? {} : { headers: textsOf(sent) } }
        const answer = yield* asked(Schema.Union([Schema.Undefined, Needed]), (signal) => Reflect.apply(rejected, value, [{ ...call, signal }]))
        if (answer !== undefined) return yield* needed(id, scopes, answer)
      })
    },
    ...own !== undefined && {
      own: (server: Auth.ServerRef) =>
        Effect.map(asked(Headers, (signal) => Reflect.apply(own, value, [{ server: { id: server.id }, signal }])), credentialOf)
    },
    ...consent !== undefined && { consent: consentFrom(consent, asked, id) }
  }
})

const credentialOf = ({ headers }: typeof Headers.Type): Auth.Credential =>
  Object.keys(headers).length === 0 ? Auth.none : { headers: secretHeaders(headers) }

const textsOf = ({ headers }: Auth.Credential) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Redacted.value(value)]))

const needed = (server: string, scopes: ReadonlyArray<string>, { consent }: typeof Needed.Type) =>
  new Auth.ConsentNeeded({
    server,
    authorizationEndpoint: consent.authorizationEndpoint ?? "",
    tokenEndpoint: consent.tokenEndpoint ?? "",
    clientId: consent.clientId ?? "",
    scopes: consent.scopes ?? scopes,
    returnAddress: consent.returnAddress ?? ""
  })

const isAuth = (value: unknown): value is PlainAuth =>
  Predicate.hasProperty(value, "credential") && Predicate.isFunction(value.credential) &&
  ["rejected", "own"].every((name) => Reflect.get(value, name) === undefined || Predicate.isFunction(Reflect.get(value, name)))
