/** Puts the status of one server together from what is managed for it. */
import type { Instance, State } from "../backend/Spec.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { Snapshot } from "../catalogue/Snapshot.ts"
import type { Pending } from "../guard/Consents.ts"
import type { ServerEntry } from "../manifest/Server.ts"
import type { Managed } from "./Managed.ts"
import type { ServerStatus } from "./Status.ts"

const NEVER: State = { phase: "idle", since: 0, restarts: 0 }

/** Why the newest form of a server is not even tried. */
export interface Refusal {
  readonly generation: number
  readonly problem: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/** What is managed for an entry; neither before the entry has been looked at. */
export interface Known {
  readonly server: Managed | undefined
  readonly refusal: Refusal | undefined
  /** Users who have been asked to consent; nothing where nobody has to. */
  readonly pending: ReadonlyArray<Pending> | undefined
}

export const statusOf = (entry: ServerEntry, { pending, refusal, server }: Known, snapshot: Snapshot): ServerStatus => {
  const common = { id: entry.id, type: entry.type, required: entry.required }
  if (server?.serving === undefined && server?.candidate === undefined) {
    const problem = refusal?.problem ?? "it has not been looked at yet"
    return {
      ...common,
      wanted: { generation: refusal?.generation ?? 0, problem },
      actual: { phase: "failed", since: new Date(refusal?.since ?? Date.now()).toISOString(), restarts: 0, why: problem },
      next: "correct its entry in the manifest",
      offers: { tools: 0, prompts: 0, resources: 0, templates: 0 },
      excluded: []
    }
  }
  const { candidate, serving } = server
  const shown = serving ?? candidate
  const state = shown?.instance.state() ?? NEVER
  const handshake = shown?.instance.opened()?.handshake
  const runs = shown?.found()
  const problem = refusal?.problem ?? problemOf(candidate?.instance.state())
  const next = problem === undefined ? state.next : refusal === undefined ? candidate?.instance.state().next : "correct its entry in the manifest"
  return {
    ...common,
    wanted: { generation: refusal?.generation ?? server.generation, ...(problem === undefined ? {} : { problem }) },
    actual: {
      phase: state.phase,
      since: new Date(state.since).toISOString(),
      restarts: state.restarts,
      ...(serving === undefined ? {} : { generation: serving.generation }),
      ...(handshake === undefined ? {} : { era: handshake.era, protocol: handshake.version }),
      ...(state.why === undefined ? {} : { why: state.why }),
      ...(state.isAsleep === true ? { asleep: true as const } : {}),
      ...callsOf(shown?.instance),
      ...(shown?.instance.replicas === undefined ? {} : { replicas: shown.instance.replicas.map(replicaOf) })
    },
    ...(runs === undefined ? {} : { runs }),
    ...(next === undefined ? {} : { next }),
    ...(pending === undefined ? {} : { consents: pending.map(shownPending) }),
    offers: {
      tools: countOf(server, "tools"),
      prompts: countOf(server, "prompts"),
      resources: countOf(server, "resources"),
      templates: countOf(server, "templates")
    },
    excluded: snapshot.excluded.filter(({ server }) => server === entry.id).map(({ kind, name, why }) => ({ kind, name, why }))
  }
}

const callsOf = (instance: Instance | undefined) => {
  const calls = instance?.use()?.inFlight ?? 0
  return calls === 0 ? {} : { calls }
}

const replicaOf = (instance: Instance) => {
  const { phase, restarts, since, why } = instance.state()
  return { phase, since: new Date(since).toISOString(), restarts, ...callsOf(instance), ...(why === undefined ? {} : { why }) }
}

const shownPending = ({ expires, principal: { issuer, subject }, url }: Pending) => ({ issuer, subject, url, until: new Date(expires).toISOString() })

/** Why the candidate does not serve yet. */
const problemOf = (state: State | undefined): string | undefined =>
  state === undefined ? undefined : state.why ?? `its new form is ${state.phase}`

const countOf = ({ serving }: Managed, kind: Kind): number => serving?.offer.listing().definitions[kind].length ?? 0
