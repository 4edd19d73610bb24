/** What the audit keeps of one call: who, what, the decision, how it ended and how long it took; no value of any argument. */
import type { Exit } from "effect"
import type { Reply } from "../backend/Connection.ts"
import type { Published } from "../catalogue/Catalogue.ts"
import type { Route } from "../catalogue/Snapshot.ts"
import type { Recorder } from "../observe/Audit.ts"
import type { Decision } from "../guard/Access.ts"
import { type Caller, param, type Request } from "./Request.ts"
import { incidentOf } from "./Incident.ts"
import type { CallFailed } from "./CallFailed.ts"
import type { Target } from "./Target.ts"

/** Filled in as a call goes on. */
export interface Note {
  readonly began: number
  target?: Target
  decision?: Decision
}

interface Noting {
  readonly recorder: Recorder
  readonly note: Note
  readonly published: Published
  readonly request: Request
  readonly caller: Pick<Caller, "principal" | "server">
  readonly exit: Exit.Exit<Reply, CallFailed>
}

/** Names that nobody checked may be long. */
const LONGEST = 200

export const noted = ({ caller, exit, note, published, recorder, request }: Noting): void => {
  const { decision, target } = note
  const failure = failureOf(exit)
  const given = param(request, "arguments")
  const shape = given === undefined || !given.startsWith("{") ? undefined : recorder.shapeOf(given)
  recorder.record({
    event: "call",
    method: request.method,
    generation: published.generation,
    principal: principalOf(caller),
    ...tenantsOf(published, caller),
    ...(target === undefined ? nameAsked(failure) : { server: target.server, kind: target.asked.kind, name: target.name.slice(0, LONGEST), strategy: published.served.get(target.server)?.strategyName }),
    ...(decision === undefined ? {} : { decision: decision.isAllowed ? "allow" : "deny", by: decision.by, rule: decision.rule }),
    ...(shape === undefined ? {} : { arguments: shape }),
    bytes: { in: request.text.length, out: sizeOf(exit) },
    ms: Math.round((performance.now() - note.began) * 10) / 10,
    outcome: outcomeOf(exit, failure),
    ...(failure === undefined ? {} : { incident: incidentOf(failure) })
  })
}

interface Subscribing extends Pick<Noting, "caller" | "published" | "recorder"> {
  /** Where it leads, if this caller may read it. */
  readonly route: Route | undefined
  readonly uri: string
}

export const notedSubscription = ({ caller, published, recorder, route, uri }: Subscribing): void =>
  recorder.record({
    event: "subscribe",
    generation: published.generation,
    principal: principalOf(caller),
    ...tenantsOf(published, caller),
    ...(route === undefined ? {} : { server: route.server }),
    kind: "resource",
    name: (route?.name ?? uri).slice(0, LONGEST),
    decision: route === undefined ? "deny" : "allow"
  })

const principalOf = ({ principal: { clientId, issuer, subject } }: Pick<Caller, "principal">) =>
  ({ issuer, subject, ...(clientId === undefined ? {} : { client_id: clientId }) })

const tenantsOf = ({ access }: Published, { principal }: Pick<Caller, "principal">) => {
  const tenants = access?.tenantsOf(principal) ?? []
  return tenants.length === 0 ? {} : { tenants }
}

const failureOf = (exit: Noting["exit"]): CallFailed | undefined => {
  if (exit._tag === "Success") return undefined
  const [failed] = exit.cause.reasons.flatMap((reason) => reason._tag === "Fail" ? [reason.error] : [])
  return failed
}

const nameAsked = (failure: CallFailed | undefined) =>
  failure?._tag === "UnknownName" ? { kind: failure.kind, name: failure.name.slice(0, LONGEST) } : {}

const sizeOf = (exit: Noting["exit"]): number => {
  if (exit._tag === "Failure") return 0
  return exit.value.kind === "result" ? exit.value.result.length : exit.value.error.raw.length
}

const outcomeOf = (exit: Noting["exit"], failure: CallFailed | undefined): string => {
  if (exit._tag === "Success") return exit.value.kind
  if (failure === undefined) return "stopped"
  return failure._tag === "BackendFailed" ? `BackendFailed.${failure.reason}` : failure._tag
}
