/**
 * Where to sign in for this gateway: the protected resource metadata of RFC 9728, at the root and
 * with the path of the endpoint put after the well-known part. Without sign-in there is none.
 */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Authentication, type SignIn } from "../guard/Authentication.ts"

const WELL_KNOWN = "/.well-known/oauth-protected-resource"

/** The address of the metadata of a resource (RFC 9728, 3.1). */
export const metadataAddress = (resource: string): string => {
  const { origin, pathname } = new URL(resource)
  return `${origin}${WELL_KNOWN}${pathname === "/" ? "" : pathname}`
}

const documentOf = ({ provider, requiredScopes, resource }: SignIn, path: string) => ({
  resource: resource(path),
  authorization_servers: [provider.issuer],
  ...(requiredScopes.length === 0 ? {} : { scopes_supported: requiredScopes }),
  bearer_methods_supported: ["header"],
  resource_name: "Manifold MCP gateway"
})

/** The path of the endpoint that the root speaks of, and of those that serve one server each. */
export interface Endpoints {
  readonly main: string
  readonly isServer: (path: string) => boolean
}

const answer = (path: string, { isServer, main }: Endpoints) =>
  Effect.map(Authentication, (authentication) => {
    const signIn = authentication.signInAt(path)
    return signIn === undefined || (path !== main && !isServer(path))
      ? HttpServerResponse.jsonUnsafe({ error: "not_found", message: "There is no such protected resource" }, { status: 404 })
      : HttpServerResponse.jsonUnsafe(documentOf(signIn, path), { headers: { "cache-control": "max-age=60", "access-control-allow-origin": "*" } })
  })

/** At the root as well: a wildcard also stands for nothing. */
export const metadata = (endpoints: Endpoints) =>
  HttpRouter.add("GET", `${WELL_KNOWN}/*`, Effect.gen(function*() {
    const { "*": rest = "" } = yield* HttpRouter.params
    return yield* answer(rest === "" ? endpoints.main : `/${rest}`, endpoints)
  }))
