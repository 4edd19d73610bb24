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

const documentOf = ({ provider, requiredScopes, resource }: SignIn) => ({
  resource: resource(),
  authorization_servers: [provider.issuer],
  ...(requiredScopes.length === 0 ? {} : { scopes_supported: requiredScopes }),
  bearer_methods_supported: ["header"],
  resource_name: "Manifold MCP gateway"
})

const answer = (path: string) =>
  Effect.map(Authentication, (authentication) => {
    const rules = authentication.rules()
    const signIn = rules?.kind === "guarded" ? rules.signIn : undefined
    const own = signIn === undefined ? undefined : new URL(signIn.resource()).pathname
    return signIn === undefined || (path !== "" && path !== own)
      ? HttpServerResponse.jsonUnsafe({ error: "not_found", message: "There is no such protected resource" }, { status: 404 })
      : HttpServerResponse.jsonUnsafe(documentOf(signIn), { headers: { "cache-control": "max-age=60", "access-control-allow-origin": "*" } })
  })

/** At the root as well: a wildcard also stands for nothing. */
export const metadata = HttpRouter.add("GET", `${WELL_KNOWN}/*`, Effect.gen(function*() {
  const { "*": rest = "" } = yield* HttpRouter.params
  return yield* answer(rest === "" ? "" : `/${rest}`)
}))
