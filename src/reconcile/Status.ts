/**
 * What each server should be, what it is, since when and why, and what happens or
 * is to be done next. A schema, because the command line reads it over HTTP.
 */
import { Schema } from "effect"
import { AuditState } from "../observe/Audit.ts"

const Phase = Schema.Literals([
  "idle",
  "resolving",
  "preparing",
  "starting",
  "ready",
  "degraded",
  "failed",
  "draining",
  "stopped"
])

const Replica = Schema.Struct({
  phase: Phase,
  since: Schema.String,
  restarts: Schema.Int,
  calls: Schema.optionalKey(Schema.Int),
  why: Schema.optionalKey(Schema.String)
})

export const ServerStatus = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  required: Schema.Boolean,
  wanted: Schema.Struct({
    generation: Schema.Int,
    /** Why the wanted form does not serve; absent when it does. */
    problem: Schema.optionalKey(Schema.String)
  }),
  actual: Schema.Struct({
    phase: Phase,
    /** The generation whose form serves calls; absent when none does. */
    generation: Schema.optionalKey(Schema.Int),
    since: Schema.String,
    restarts: Schema.Int,
    era: Schema.optionalKey(Schema.Literals(["modern", "legacy"])),
    protocol: Schema.optionalKey(Schema.String),
    why: Schema.optionalKey(Schema.String),
    /** Nobody used it: it is stopped until the first call, or being started again for one. */
    asleep: Schema.optionalKey(Schema.Literal(true)),
    /** Calls that it is busy with right now; absent where there are none. */
    calls: Schema.optionalKey(Schema.Int),
    /** Each of them, where there are several. */
    replicas: Schema.optionalKey(Schema.Array(Replica))
  }),
  /** What its source came to; where that had to be found out, how it is run and why; what separates it from the machine. */
  runs: Schema.optionalKey(Schema.Struct({ source: Schema.String, detected: Schema.optionalKey(Schema.String), sandbox: Schema.optionalKey(Schema.String) })),
  next: Schema.optionalKey(Schema.String),
  /** There where its users consent one by one: those who have been asked and have not yet. */
  consents: Schema.optionalKey(Schema.Array(Schema.Struct({
    issuer: Schema.String,
    subject: Schema.String,
    /** Good for that user alone. */
    url: Schema.String,
    until: Schema.String
  }))),
  offers: Schema.Struct({ tools: Schema.Int, prompts: Schema.Int, resources: Schema.Int, templates: Schema.Int }),
  excluded: Schema.Array(Schema.Struct({ kind: Schema.String, name: Schema.String, why: Schema.String }))
})
export type ServerStatus = typeof ServerStatus.Type

export const GatewayStatus = Schema.Struct({
  generation: Schema.Int,
  /** Of the manifest: whether the newest one is in force. */
  manifest: Schema.Struct({
    state: Schema.Literals(["applied", "rejected"]),
    since: Schema.String,
    problems: Schema.Array(Schema.String)
  }),
  /** Whether records of calls are written; absent where none are kept. */
  audit: Schema.optionalKey(AuditState),
  /** Why plugins were not taken into use. */
  plugins: Schema.Array(Schema.String),
  servers: Schema.Array(ServerStatus)
})
export type GatewayStatus = typeof GatewayStatus.Type
