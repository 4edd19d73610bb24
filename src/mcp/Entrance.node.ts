/** Lets a request in with its principal, or refuses it as RFC 6750 and RFC 9728 say. Before it stands only what asks for no identity. */
import type { IncomingMessage } from "node:http"
import type { Effect, Fiber } from "effect"
import type { Authentication } from "../guard/Authentication.ts"
import { LOCAL, unavailable } from "../guard/Authentication.ts"
import { challengeOf, Unauthenticated } from "../guard/Unauthenticated.ts"
import type { Principal } from "../plugin/Auth.ts"
import type { Refused } from "./Admission.node.ts"
import type { Auditing } from "../observe/Audit.ts"
import { credentialsOf } from "./Credentials.node.ts"

export interface Denied extends Refused {
  readonly headers: Readonly<Record<string, string>>
}

export interface Entering {
  readonly request: IncomingMessage
  /** The endpoint that a token has to be for. */
  readonly path: string
  readonly enter: (principal: Principal) => void
  readonly deny: (denied: Denied) => void
}

export interface Entrance {
  readonly pass: (entering: Entering) => void
  /** The same for what only an operator may see and do. */
  readonly passOperator: (entering: Entering) => void
}

/** The scope of an operator, where there is sign-in. */
const OPERATOR = "manifold:admin"

/**
 * @param fork runs an effect beside the request
 * @param metadata address of the protected resource metadata of an endpoint, if there is sign-in
 */
export const entrance = (
  authentication: Authentication["Service"],
  { audit, fork, metadata }: {
    readonly audit: Auditing
    readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
    readonly metadata: (path: string) => string | undefined
  }
): Entrance => {
  const denied = (refusal: Unauthenticated, path: string): Denied => ({
    status: refusal.status,
    why: refusal.why,
    headers: {
      ...(refusal.status === 400 || refusal.status === 401 || refusal.status === 403 ? { "www-authenticate": challengeOf(refusal, metadata(path)) } : {}),
      ...(refusal.retryAfter === undefined ? {} : { "retry-after": String(refusal.retryAfter) })
    }
  })

  /** Who brought nothing is only told where to sign in. */
  const refused = ({ error, status, why }: Unauthenticated, from: string, path: string) =>
    error === undefined && status === 401 ? undefined : audit.recorder()?.refused({ status, why, from, path })

  const pass = ({ deny, enter, path, request }: Entering) => {
    if (authentication.isOpen(path)) return enter(LOCAL)
    const credentials = credentialsOf(request)
    const known = authentication.known(credentials, path)
    if (known !== undefined) return enter(known)
    fork(authentication.check(credentials, path)).addObserver((exit) => {
      if (exit._tag === "Success") return enter(exit.value)
      const [failed = unavailable] = exit.cause.reasons.flatMap((reason) => reason._tag === "Fail" ? [reason.error] : [])
      refused(failed, credentials.from, path)
      deny(denied(failed, path))
    })
  }

  const passOperator = ({ deny, enter, path, request }: Entering) =>
    pass({
      path,
      request,
      deny,
      enter: (principal) =>
        principal === LOCAL || principal.scopes?.includes(OPERATOR) === true ? enter(principal) : deny(denied(NO_OPERATOR, path))
    })

  return { pass, passOperator }
}

const NO_OPERATOR = new Unauthenticated({
  status: 403,
  error: "insufficient_scope",
  why: `This is for operators: it needs the scope ${OPERATOR}`,
  scopes: [OPERATOR]
})
