/**
 * Identity across authorization servers (enterprise-managed authorization): where the user signed in asserts who it is
 * to the backend's authorization server (RFC 8693), which gives a token for that (RFC 7523). The user signs in
 * at the gateway with a browser for it; the token that the caller came with plays no part.
 */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import { Auth, type Egress, Keep, SignIns } from "#plugin"
import { isFor } from "../../providers/oidc/Claims.ts"
import { jwsOf } from "../../providers/oidc/Jws.ts"
import { errorIn } from "../../providers/oidc/TokenEndpoint.ts"
import { askingAt, type ClientAt, type Failed } from "./Asking.ts"
import type { Method } from "./Exchanged.ts"
import { grantedIn } from "./Grant.ts"
import { EXCHANGE, type MasterSettings } from "./Settings.ts"

const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** How long, in milliseconds, before its end an ID token is replaced. */
const AHEAD = 30_000

const Assertion = Schema.Struct({ access_token: Schema.NonEmptyString, issued_token_type: Schema.Literal(ID_JAG) })
const Renewed = Schema.Struct({ id_token: Schema.NonEmptyString, refresh_token: Schema.optionalKey(Schema.NonEmptyString) })

export const idJag = Effect.fnUntraced(function*({ audience, idp, scopes }: MasterSettings, client: ClientAt) {
  const signIns = yield* SignIns.SignIns
  const server = yield* Auth.Server
  const atIdp = yield* askingAt(idp ?? client)
  const atBackend = yield* askingAt(client)
  const scope = scopes === undefined ? {} : { scope: scopes.join(" ") }

  const signInNeeded = new Auth.ConsentNeeded({
    server: server.id,
    authorizationEndpoint: "",
    tokenEndpoint: "",
    clientId: client.client_id,
    scopes: [],
    returnAddress: ""
  })

  const refresh = Effect.fnUntraced(function*({ refreshToken }: SignIns.SignedInUser) {
    if (refreshToken === undefined) return yield* new Keep.RefreshFailed({ reason: "there is no refresh token", final: true })
    const { body, status } = yield* Effect.mapError(atIdp({ grant_type: "refresh_token", refresh_token: refreshToken }), ({ message }) =>
      new Keep.RefreshFailed({ reason: message, final: false }))
    const renewed = status === 200 ? Schema.decodeUnknownOption(Renewed)(body) : Option.none()
    if (Option.isNone(renewed)) return yield* new Keep.RefreshFailed({ reason: `the issuer answered ${status} ${errorIn(body)}`.trimEnd(), final: true })
    const { id_token, refresh_token } = renewed.value
    return { idToken: Redacted.make(id_token), refreshToken: refresh_token === undefined ? undefined : Redacted.make(refresh_token) }
  })

  /** The user as signed in now; one who is not any more has to sign in again. */
  const signedIn = Effect.fnUntraced(function*(principal: Auth.Principal): Effect.fn.Return<SignIns.SignedInUser, Failed | Auth.ConsentNeeded> {
    const user = yield* signIns.of(principal)
    if (user === undefined || user.idToken.issuer !== idp?.issuer) return yield* signInNeeded
    if (user.expires - AHEAD > (yield* Clock.currentTimeMillis)) return user
    return yield* signIns.renewed(principal, refresh).pipe(
      Effect.mapError((failure) => failure._tag === "RefreshFailed" && failure.final ? signInNeeded : failure)
    )
  })

  const assertionFor = Effect.fnUntraced(function*({ idToken }: SignIns.SignedInUser) {
    const form: Egress.Fields = {
      grant_type: EXCHANGE,
      requested_token_type: ID_JAG,
      subject_token: idToken,
      subject_token_type: ID_TOKEN,
      audience: client.issuer,
      ...(audience === undefined ? {} : { resource: audience }),
      ...scope
    }
    const { body, status } = yield* atIdp(form)
    const given = status === 200 ? Schema.decodeUnknownOption(Assertion)(body) : Option.none()
    if (Option.isNone(given)) return yield* Effect.fail({ message: `the issuer of users answered ${status} ${errorIn(body)}`.trimEnd() })
    const jws = jwsOf(given.value.access_token)
    const isRight = typeof jws === "object" && isFor(jws.claims["aud"], client.issuer)
    return isRight ? Redacted.make(given.value.access_token) : yield* Effect.fail({ message: "the issuer of users asserted an identity to another server" })
  })

  const forCaller = Effect.fn("master_oauth.id_jag")(function*(principal: Auth.Principal) {
    const assertion = yield* assertionFor(yield* signedIn(principal))
    const answer = yield* atBackend({ grant_type: JWT_BEARER, assertion, ...scope })
    return yield* grantedIn(answer, { audience, scopes, isExchange: false })
  })

  const consent: Auth.Consent = {
    when: "signed_in",
    scopes: [],
    begin: () => refused(server.id),
    finish: () => refused(server.id),
    has: () => Effect.succeed(false),
    forget: () => Effect.succeed(0)
  }
  const keyOf = ({ issuer, subject }: Auth.Principal) => JSON.stringify([issuer, subject])
  return { forCaller, keyOf, consent } satisfies Method
})

const refused = (server: string) =>
  new Auth.CredentialRefused({ server, reason: "its users sign in at the gateway and nowhere else" })

