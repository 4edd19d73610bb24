/** Asks a token endpoint as the gateway's own client, which shows a secret or what the gateway signs for it. */
import { Effect, type Redacted } from "effect"
import { Egress, type Provider, Signer } from "#plugin"
import { asClient } from "../../providers/oidc/ClientProof.ts"
import { discovered } from "../../providers/oidc/Discovery.ts"
import { kept, TIMES } from "../../providers/oidc/Kept.ts"

export interface Failed {
  readonly message: string
}

export interface ClientAt {
  readonly issuer: string
  readonly client_id: string
  readonly client_secret?: Redacted.Redacted<string>
}

const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/** Gives what asks: the answer of the token endpoint to a form. */
export const askingAt = Effect.fnUntraced(function*({ client_id, client_secret, issuer }: ClientAt) {
  const egress = yield* Egress.Egress
  const signer = yield* Signer.Signer
  const metadata = kept(Effect.provideService(discovered(issuer), Egress.Egress, egress), TIMES).current

  /** RFC 7523, 3: the audience is the server as its metadata name it. */
  const asserted = Effect.fnUntraced(function*(server: Provider.AuthorizationServer) {
    const client_assertion = yield* signer.clientAssertion({ clientId: client_id, audience: server.issuer })
    return { client_id, client_assertion_type: ASSERTION, client_assertion }
  })

  return Effect.fnUntraced(function*(form: Egress.Fields): Effect.fn.Return<Egress.Answer, Failed> {
    const server = yield* metadata
    const proof = client_secret === undefined
      ? { form: yield* asserted(server) }
      : asClient({ id: client_id, secret: client_secret }, server.tokenEndpointAuthMethods)
    return yield* egress.ask(issuer, { ...proof, url: server.tokenEndpoint, form: { ...form, ...proof.form } })
  })
})
