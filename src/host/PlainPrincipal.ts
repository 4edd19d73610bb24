/** A principal as the plain face has it: what is known of who calls, and nothing that came as a secret. */
import type { Principal } from "../plugin/Auth.ts"
import type { PlainPrincipal } from "../plugin/PlainAuth.ts"

export const plainPrincipal = ({ claims, clientId, issuer, scopes, subject }: Principal): PlainPrincipal => ({
  issuer,
  subject,
  ...clientId === undefined ? {} : { clientId },
  ...scopes === undefined ? {} : { scopes },
  ...claims === undefined ? {} : { claims }
})
