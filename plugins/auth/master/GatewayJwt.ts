/** A short token that the gateway signs: for the backend alone, about the caller. Its keys are at /oauth/jwks. */
import { Effect } from "effect"
import { type Auth, Signer } from "#plugin"
import type { Failed } from "./Asking.ts"
import type { Method } from "./Exchanged.ts"
import type { Granted } from "./Grant.ts"
import type { MasterSettings } from "./Settings.ts"

const LIFE = 300

/** Subjects that are no user's begin so. */
const OWN = "manifold:"

/** The subject of the token: the caller's own, and for a key of the gateway's one that no issuer can give. */
const subjectOf = ({ issuer, subject }: Auth.Principal): Effect.Effect<string, Failed> => {
  if (issuer.startsWith(OWN) || issuer === "local") return Effect.succeed(`${OWN}${issuer.slice(issuer.indexOf(":") + 1)}:${subject}`)
  return subject.startsWith(OWN) ? Effect.fail({ message: "the caller's subject looks like one of the gateway's own" }) : Effect.succeed(subject)
}

export const gatewayJwt = Effect.fnUntraced(function*({ audience = "", life = LIFE, scopes = [] }: MasterSettings) {
  const signer = yield* Signer.Signer
  const signed = (subject: string): Effect.Effect<Granted, Failed> =>
    Effect.map(signer.accessToken({ audience, life, scopes, subject }), ({ expires, token }) => ({ token, until: expires }))
  return {
    forCaller: (principal: Auth.Principal) => Effect.flatMap(subjectOf(principal), signed),
    forGateway: signed(`${OWN}gateway`),
    keyOf: ({ issuer, subject }: Auth.Principal) => JSON.stringify([issuer, subject])
  } satisfies Method
})
