/** Puts the status of one server together from what is managed for it. */
import type { State } from "../backend/Instance.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { Snapshot } from "../catalogue/Snapshot.ts"
import type { ServerEntry } from "../manifest/Server.ts"
import type { Managed } from "./Managed.ts"
import type { ServerStatus } from "./Status.ts"

const NEVER: State = { phase: "idle", since: 0, restarts: 0 }

/** @param server what is managed, or why nothing is */
export const statusOf = (
  entry: ServerEntry,
  server: Managed | { readonly generation: number; readonly problem: string } | undefined,
  snapshot: Snapshot
): ServerStatus => {
  const common = { id: entry.id, type: entry.type, required: entry.required }
  if (server === undefined || !("slot" in server)) {
    const problem = server?.problem ?? "it has not been looked at yet"
    return {
      ...common,
      wanted: { generation: server?.generation ?? 0, problem },
      actual: { phase: "failed", since: new Date().toISOString(), restarts: 0, why: problem },
      next: "correct its entry in the manifest",
      offers: { tools: 0, prompts: 0, resources: 0, templates: 0 },
      excluded: []
    }
  }
  const { candidate, serving } = server
  const shown = serving ?? candidate
  const state = shown?.instance.state() ?? NEVER
  const handshake = shown?.instance.opened()?.handshake
  const problem = server.problem ?? problemOf(candidate?.instance.state())
  const next = problem === undefined ? state.next : server.problem === undefined ? candidate?.instance.state().next : "correct its entry in the manifest"
  return {
    ...common,
    wanted: { generation: server.generation, ...(problem === undefined ? {} : { problem }) },
    actual: {
      phase: state.phase,
      since: new Date(state.since).toISOString(),
      restarts: state.restarts,
      ...(serving === undefined ? {} : { generation: serving.generation }),
      ...(handshake === undefined ? {} : { era: handshake.era, protocol: handshake.version }),
      ...(state.why === undefined ? {} : { why: state.why })
    },
    ...(next === undefined ? {} : { next }),
    offers: {
      tools: countOf(server, "tools"),
      prompts: countOf(server, "prompts"),
      resources: countOf(server, "resources"),
      templates: countOf(server, "templates")
    },
    excluded: snapshot.excluded.filter(({ server }) => server === entry.id).map(({ kind, name, why }) => ({ kind, name, why }))
  }
}

/** Why the candidate does not serve yet. */
const problemOf = (state: State | undefined): string | undefined =>
  state === undefined ? undefined : state.why ?? `its new form is ${state.phase}`

const countOf = ({ serving }: Managed, kind: Kind): number => serving?.offer.listing().definitions[kind].length ?? 0
