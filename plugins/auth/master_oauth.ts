/**
 * The caller's identity becomes a separate credential for the backend, by one of four methods. There is
 * no fallback: without that credential nothing is sent.
 */
import { Effect, Redacted } from "effect"
import { Auth, Plugin } from "#plugin"
import type { Failed } from "./master/Asking.ts"
import { exchanged, type Method } from "./master/Exchanged.ts"
import { gatewayJwt } from "./master/GatewayJwt.ts"
import type { Granted } from "./master/Grant.ts"
import { idJag } from "./master/IdJag.ts"
import { remembering } from "./master/Remembering.ts"
import { MasterSettings } from "./master/Settings.ts"

const methodFor = (settings: MasterSettings) => {
  const { client_id = "", client_secret, issuer = "", method } = settings
  const client = { issuer, client_id, ...(client_secret === undefined ? {} : { client_secret }) }
  switch (method) {
    case "gateway_jwt":
      return gatewayJwt(settings)
    case "id_jag":
      return idJag(settings, client)
    default:
      return exchanged(settings, client)
  }
}

export default Plugin.define("auth", {
  name: "master_oauth",
  summary: "Turns the caller's identity into a credential of its own for the backend",
  config: MasterSettings,
  build: Effect.fnUntraced(function*(settings) {
    const method: Method = yield* methodFor(settings)
    const server = yield* Auth.Server
    const { forGateway } = method
    const { forget, remembered } = yield* remembering<Failed | Auth.ConsentNeeded>()

    const headers = (key: string, ask: Effect.Effect<Granted, Failed | Auth.ConsentNeeded>, server: Auth.ServerRef) =>
      remembered(key, ask).pipe(
        Effect.map((token) => ({ headers: { authorization: Redacted.make(BEARER + Redacted.value(token)) } })),
        Effect.mapError((failure) => failure instanceof Auth.ConsentNeeded ? failure : refusedBy(server, failure))
      )

    return {
      credential: (principal: Auth.Principal, server: Auth.ServerRef) => headers(method.keyOf(principal), method.forCaller(principal), server),
      // A credential that the backend does not take any more is got anew.
      rejected: (principal: Auth.Principal, { sent, status }: Auth.Rejection) =>
        status === 401 ? Effect.sync(() => forget(method.keyOf(principal), tokenIn(sent))) : tooLittle(server.id),
      // What the gateway asks on its own account, such as lists, it asks as itself.
      ...(forGateway === undefined ? {} : {
        own: (server: Auth.ServerRef) =>
          Effect.mapError(headers("own", forGateway, server), (failure) => failure instanceof Auth.ConsentNeeded ? refusedBy(server, failure) : failure)
      }),
      ...(method.consent === undefined ? {} : { consent: method.consent })
    }
  })
})

const BEARER = "Bearer "

const tokenIn = (sent: Auth.Credential | undefined): Redacted.Redacted<string> | undefined => {
  const authorization = sent?.headers["authorization"]
  return authorization === undefined ? undefined : Redacted.make(Redacted.value(authorization).slice(BEARER.length))
}

const tooLittle = (server: string) => new Auth.CredentialRefused({ server, reason: "the server does not let it do this" })

const refusedBy = ({ id }: Auth.ServerRef, { message }: Failed) => new Auth.CredentialRefused({ server: id, reason: message })
