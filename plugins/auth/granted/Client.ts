/**
 * The gateway as a client of one authorization server: written down beforehand, described by a document
 * of its own (client id metadata document), or registered there once (RFC 7591). Credentials are for
 * the issuer that they were made at, and for no other.
 */
import { Effect, Option, Redacted, Schema } from "effect"
import { Auth, Egress, Keep, type Provider } from "#plugin"
import { asClient, methodAmong, type OwnClient, type Proof } from "../../providers/oidc/ClientProof.ts"
import { errorIn } from "../../providers/oidc/TokenEndpoint.ts"
import type { GrantSettings } from "./Settings.ts"

export interface Client extends OwnClient {
  /** How it shows who it is, where it was registered for one way. */
  readonly method?: string
}

export interface Mistake {
  readonly message: string
}

const Registered = Schema.Struct({
  client_id: Schema.NonEmptyString,
  client_secret: Schema.optionalKey(Schema.NonEmptyString),
  client_secret_expires_at: Schema.optionalKey(Schema.Finite),
  token_endpoint_auth_method: Schema.optionalKey(Schema.String)
})
const RegisteredText = Schema.fromJsonString(Registered)
const decodeKept = Schema.decodeUnknownOption(RegisteredText)
const encodeKept = Schema.encodeSync(RegisteredText)

/** What the gateway says of itself as a client (RFC 7591, 2), in a document or at registration. */
const descriptionOf = (returnAddress: string) => ({
  client_name: "Manifold MCP gateway",
  redirect_uris: [returnAddress],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  application_type: Egress.isLoopback(new URL(returnAddress).hostname) ? "native" : "web"
})

/** How the client introduces itself at a token or revocation endpoint. */
export const introduced = (client: Client, { tokenEndpointAuthMethods }: Provider.AuthorizationServer): Proof =>
  asClient(client, client.method === undefined ? tokenEndpointAuthMethods : [client.method])

/** The client at an issuer. */
export interface Clients {
  /** Without asking anybody; nothing while it was never registered there. */
  readonly known: (issuer: string) => Effect.Effect<Client | undefined, Mistake>
  /** The same, registered where it has to be. */
  readonly made: (metadata: Provider.AuthorizationServer) => Effect.Effect<Client, Mistake>
}

export const clientsFor = Effect.fnUntraced(function*({ client_id, client_secret, registration = "static" }: GrantSettings) {
  const egress = yield* Egress.Egress
  const keep = yield* Keep.Keep
  const server = yield* Auth.Server

  const register = Effect.fnUntraced(function*({ issuer, registrationEndpoint, tokenEndpointAuthMethods }: Provider.AuthorizationServer) {
    if (registrationEndpoint === undefined) return yield* mistake(`${issuer} registers no clients; write client_id, or registration: cimd`)
    const json = { ...descriptionOf(server.returnAddress()), token_endpoint_auth_method: methodAmong(tokenEndpointAuthMethods) }
    const { body, status } = yield* egress.ask(issuer, { url: registrationEndpoint, json })
    const registered = Schema.decodeUnknownOption(Registered)(body)
    if ((status !== 201 && status !== 200) || Option.isNone(registered)) {
      return yield* mistake(`${issuer} did not register the gateway: it answered ${status} ${errorIn(body)}`.trimEnd())
    }
    return registered.value
  })

  const keyFor = (issuer: string) => ["client", issuer, server.returnAddress()]

  const known = Effect.fnUntraced(function*(issuer: string) {
    if (registration === "static") return { id: client_id ?? "", secret: client_secret }
    if (registration === "cimd") return { id: server.clientAddress(), secret: undefined }
    const row = yield* keep.get(keyFor(issuer))
    const found = row === undefined ? Option.none() : decodeKept(Redacted.value(row.value))
    return Option.isSome(found) ? clientFrom(found.value) : undefined
  })

  const made = Effect.fnUntraced(function*(metadata: Provider.AuthorizationServer) {
    const found = yield* known(metadata.issuer)
    if (registration === "cimd" && !metadata.takesClientIdMetadataDocuments) {
      return yield* mistake(`${metadata.issuer} takes no client id metadata documents; write client_id, or registration: dynamic`)
    }
    if (found !== undefined) return found
    const fresh = yield* register(metadata)
    const ends = fresh.client_secret_expires_at ?? 0
    yield* keep.put(keyFor(metadata.issuer), { value: Redacted.make(encodeKept(fresh)), ...(ends === 0 ? {} : { expires: ends * 1000 }) })
    return clientFrom(fresh)
  })

  const clients: Clients = { known, made }
  return clients
})

const mistake = (message: string): Effect.Effect<never, Mistake> => Effect.fail({ message })

const clientFrom = ({ client_id, client_secret, token_endpoint_auth_method: method }: typeof Registered.Type): Client => ({
  id: client_id,
  secret: client_secret === undefined ? undefined : Redacted.make(client_secret),
  ...(method === undefined ? {} : { method })
})
