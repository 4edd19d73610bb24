/** An identity provider of the plain face as one of ours. What it throws lets nobody in, and is not repeated: it may hold the token. */
import { Effect, Predicate, Redacted, Schema } from "effect"
import { Provider } from "#plugin"
import type { PlainProvider } from "../plugin/Plain.ts"
import { StartFailed } from "./StartFailed.ts"

const Texts = Schema.Array(Schema.String)
const Anything = Schema.Record(Schema.String, Schema.Unknown)
const Refusal = Schema.Struct({ refused: Provider.Reason, detail: Schema.optional(Schema.String) })
const Identity = Schema.Struct({
  subject: Schema.NonEmptyString,
  clientId: Schema.optional(Schema.String),
  scopes: Schema.optional(Texts),
  expires: Schema.Finite,
  claims: Schema.optional(Anything)
})
const Tokens = Schema.Struct({
  accessToken: Schema.NonEmptyString,
  refreshToken: Schema.optional(Schema.NonEmptyString),
  expires: Schema.optional(Schema.Finite),
  scopes: Schema.optional(Texts)
})
const Address = Schema.optional(Schema.String)
const Metadata = Schema.Struct({
  authorizationEndpoint: Address,
  tokenEndpoint: Schema.String,
  jwksUri: Address,
  introspectionEndpoint: Address,
  revocationEndpoint: Address,
  userinfoEndpoint: Address,
  registrationEndpoint: Address,
  codeChallengeMethods: Schema.optional(Texts),
  grantTypes: Schema.optional(Texts),
  isIssuerInResponse: Schema.optional(Schema.Boolean),
  takesClientIdMetadataDocuments: Schema.optional(Schema.Boolean)
})

const BELIEVED_FOR = 5000

export const providerFrom = (name: string) => (value: unknown): Effect.Effect<Provider.IdentityProvider, StartFailed> => {
  if (!isProvider(value)) return new StartFailed({ needs: "the text issuer and the function validate" })
  const { issuer, metadata, refresh, userInfo } = value

  const unavailable = (detail: string) => new Provider.ProviderUnavailable({ issuer, detail })
  const asked = <S extends Schema.ConstraintDecoder<unknown>>(answer: S, ask: (signal: AbortSignal) => unknown) =>
    Effect.tryPromise(async (signal) => ask(signal)).pipe(
      Effect.mapError(({ cause }) => unavailable(`could not be asked: the provider "${name}" broke (${kindOf(cause)})`)),
      Effect.flatMap((given) => Effect.mapError(
        Schema.decodeUnknownEffect(answer)(given),
        () => unavailable(`could not be understood: the provider "${name}" gave an answer of another form`)
      ))
    )
  const missing = (what: string) => unavailable(`cannot be asked for ${what} by the provider "${name}"`)

  return Effect.succeed({
    issuer,
    believedFor: value.believedFor ?? BELIEVED_FOR,

    validate: Effect.fnUntraced(function*(token, audience) {
      const answer = yield* asked(
        Schema.Union([Refusal, Identity]),
        (signal) => value.validate({ token: Redacted.value(token), audience, signal })
      )
      if ("refused" in answer) return yield* refusal(answer)
      const { claims = {}, clientId, expires, scopes = [], subject } = answer
      return { issuer, subject, clientId, scopes, expires, claims }
    }),

    metadata: metadata === undefined ? missing("metadata") : Effect.map(
      asked(Metadata, (signal) => Reflect.apply(metadata, value, [{ signal }])),
      (found) => describedAs(issuer, found)
    ),

    refresh: (refreshToken) => refresh === undefined ? missing("a refresh") : Effect.flatMap(
      asked(Schema.Union([Refusal, Tokens]), (signal) => Reflect.apply(refresh, value, [{ refreshToken: Redacted.value(refreshToken), signal }])),
      (answer) => "refused" in answer ? refusal(answer) : Effect.succeed(tokensOf(answer))
    ),

    userInfo: (accessToken) => userInfo === undefined
      ? missing("what it knows of a user")
      : asked(Anything, (signal) => Reflect.apply(userInfo, value, [{ accessToken: Redacted.value(accessToken), signal }]))
  })
}

const refusal = ({ detail = "", refused }: typeof Refusal.Type) => new Provider.TokenRefused({ reason: refused, detail })

const tokensOf = ({ accessToken, expires, refreshToken, scopes }: typeof Tokens.Type): Provider.Tokens => ({
  accessToken: Redacted.make(accessToken),
  refreshToken: refreshToken === undefined ? undefined : Redacted.make(refreshToken),
  expires,
  scopes
})

const describedAs = (issuer: string, found: typeof Metadata.Type): Provider.AuthorizationServer => ({
  issuer,
  authorizationEndpoint: found.authorizationEndpoint,
  tokenEndpoint: found.tokenEndpoint,
  jwksUri: found.jwksUri,
  introspectionEndpoint: found.introspectionEndpoint,
  revocationEndpoint: found.revocationEndpoint,
  userinfoEndpoint: found.userinfoEndpoint,
  registrationEndpoint: found.registrationEndpoint,
  codeChallengeMethods: found.codeChallengeMethods ?? [],
  grantTypes: found.grantTypes ?? [],
  isIssuerInResponse: found.isIssuerInResponse ?? false,
  takesClientIdMetadataDocuments: found.takesClientIdMetadataDocuments ?? false
})

const kindOf = (cause: unknown) => cause instanceof Error ? cause.name : typeof cause

const isProvider = (value: unknown): value is PlainProvider =>
  Predicate.hasProperty(value, "issuer") && Predicate.isString(value.issuer) && value.issuer !== "" &&
  Predicate.hasProperty(value, "validate") && Predicate.isFunction(value.validate)
