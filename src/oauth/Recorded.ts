/** What happens to who may do what goes into the audit record: signed in, allowed or denied, given, taken back. */
import { Effect } from "effect"
import { Audit } from "../observe/Audit.ts"

export interface Happened {
  readonly event: "sign_in" | "client_consent" | "client_tokens"
  readonly outcome: "allowed" | "denied" | "given" | "refreshed" | "taken_back" | "used_twice"
  readonly client?: string
  readonly resource?: string
  readonly issuer: string
  readonly subject: string
}

export const recorded = (happened: Happened): Effect.Effect<void> =>
  Effect.map(Audit, (audit) => audit.recorder()?.record({ ...happened }))
