/** The capabilities that let a backend ask a client something. */
import { isRecord } from "../lib/Record.ts"

/** What the revisions know below each capability; anything else a client writes there is not passed on. */
const MEMBERS: Readonly<Record<string, ReadonlyArray<string>>> = {
  elicitation: ["form", "url"],
  roots: ["listChanged"],
  sampling: ["context", "tools"]
}

const plain = (value: unknown): unknown => isRecord(value) ? {} : value === true

/** Longest declaration that is passed on as it is, in characters. */
const DECLARED = 8192

/**
 * What a legacy client declared, for servers that are told with each request: as it was written, but for the
 * tasks of its own revision, which are hidden. JSON text.
 */
export const declared = (capabilities: unknown): string => {
  if (!isRecord(capabilities)) return "{}"
  const { tasks: _, ...others } = capabilities
  const text = JSON.stringify(others)
  return text.length > DECLARED ? askable(capabilities) : text
}

/** As JSON text, equal for equal sets; `{}` for a client that cannot be asked. */
export const askable = (capabilities: unknown): string => {
  if (!isRecord(capabilities)) return "{}"
  const kept = Object.entries(MEMBERS).flatMap(([name, members]) => {
    const declared = capabilities[name]
    if (!isRecord(declared)) return []
    return [[name, Object.fromEntries(members.filter((member) => member in declared).map((member) => [member, plain(declared[member])]))]]
  })
  return JSON.stringify(Object.fromEntries(kept))
}
