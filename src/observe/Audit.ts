/**
 * One record for each decision and each call, in a chain that shows when somebody changed it. Whoever
 * records only puts it down here; it is written a moment later, off the path of the call.
 */
import { Context, Effect, Schema } from "effect"
import type { AuditWanted } from "../manifest/AuditKey.ts"

/** What the records say of arguments: never a value. */
export interface Shape {
  readonly keys: ReadonlyArray<string>
  /** Equal for equal arguments, under a key of this gateway alone. */
  readonly hmac: string
}

/** A credential that was refused; many of one kind are one record with their number. */
export interface RefusedCredential {
  readonly status: number
  readonly why: string
  readonly from: string
  /** The endpoint it was for. */
  readonly path: string
}

export interface Recorder {
  /** Members of a record beside its number, its time and its place in the chain. */
  readonly record: (event: { readonly event: string; readonly [member: string]: unknown }) => void
  readonly refused: (credential: RefusedCredential) => void
  /** @param text the arguments as JSON text */
  readonly shapeOf: (text: string) => Shape | undefined
  /** Whether calls have to wait until records can be written again. */
  readonly isBlocking: () => boolean
}

export const AuditState = Schema.Struct({
  state: Schema.Literals(["writing", "failing"]),
  since: Schema.String,
  why: Schema.optionalKey(Schema.String),
  /** Records that could not be kept until they could be written. */
  lost: Schema.Int
})
export type AuditState = typeof AuditState.Type

export interface Auditing {
  /** Absent while nothing is recorded. */
  readonly recorder: () => Recorder | undefined
  readonly configure: (wanted: AuditWanted | undefined) => Effect.Effect<void>
  readonly state: () => AuditState | undefined
}

/** Nothing is recorded where no place for it is given. */
export const Audit = Context.Reference<Auditing>("manifold/observe/Audit", {
  defaultValue: () => ({ recorder: () => undefined, configure: () => Effect.void, state: () => undefined })
})
