/**
 * On what terms the gateway gives tokens now: to which clients, for which endpoints, with which scopes. There are
 * none where the manifest in force has no `authorization_server`; then nothing here is served.
 */
import { Context, Effect, Layer } from "effect"
import { Base } from "../../guard/Base.ts"
import type { AuthorizationServer } from "../../manifest/AuthorizationServer.ts"
import type { Manifest } from "../../manifest/Manifest.ts"
import { serverPath } from "../../manifest/Hosting.ts"
import { OWN_PROVIDER } from "../../manifest/SignInRules.ts"

/** An endpoint of ours that tokens can be for. */
export interface Resource {
  /** Its canonical URI (RFC 8707), exactly as it is asked for. */
  readonly uri: string
  readonly scopes: ReadonlyArray<string>
  /** The server whose own authorization server has to be asked as well, where it is one of `proxy_oauth`. */
  readonly server?: string
}

export interface InForce {
  readonly issuer: string
  readonly registration: AuthorizationServer["registration"]
  readonly clients: AuthorizationServer["clients"]
  /** All scopes that a token can have. Others are not given: a user who agrees cannot make anybody an operator. */
  readonly scopes: ReadonlyArray<string>
  readonly resource: (uri: string) => Resource | undefined
}

export class Terms extends Context.Service<Terms, {
  readonly current: () => InForce | undefined
  readonly apply: (manifest: Manifest) => void
}>()("manifold/oauth/server/Terms") {
  static readonly layer = Layer.effect(Terms, Effect.map(Base, (base) => {
    let inForce: InForce | undefined
    return Terms.of({
      current: () => inForce,
      apply: (manifest) => {
        inForce = termsOf(manifest, base.current())
      }
    })
  }))
}

const termsOf = ({ authorization_server, hosting, master_oauth, servers }: Manifest, issuer: string): InForce | undefined => {
  if (authorization_server === undefined) return undefined
  const { clients, registration } = authorization_server
  const isOwn = master_oauth?.provider === OWN_PROVIDER
  const scopes = isOwn ? master_oauth.required_scopes : []
  const resources = new Map<string, Resource>()
  const add = (path: string, more: Pick<Resource, "scopes" | "server">) => resources.set(issuer + path, { uri: issuer + path, ...more })
  if (isOwn) add(hosting.transports.http.path, { scopes })
  for (const { auth_strategy, enabled, id } of servers) {
    if (enabled && auth_strategy === "proxy_oauth") add(serverPath(id), { scopes: [], server: id })
    else if (enabled && isOwn) add(serverPath(id), { scopes })
  }
  return { issuer, registration, clients, scopes, resource: (uri) => resources.get(uri) }
}
