/** The catalogue as one endpoint shows it: all servers, or one alone under its own names. */
import { type Part, snapshot, type Snapshot } from "./Snapshot.ts"
import type { NamingRules } from "./Naming.ts"

export interface Views {
  readonly all: Snapshot
  /** One server alone, without prefix; `undefined` for a server that is not in the manifest. */
  readonly of: (server: string) => Snapshot | undefined
}

/** How long a list waits, when a user is seen first, for what is theirs alone. */
export const LOOKING = "3 seconds"

/** @param known the servers of the manifest, whether they offer something right now or not */
export const views = (parts: ReadonlyArray<Part>, rules: NamingRules, known: ReadonlyArray<string>): Views => {
  // Made when somebody asks: most servers are never asked for alone.
  const alone = new Map<string, Snapshot>()
  return {
    all: snapshot(parts, rules),
    of: (server) => {
      if (!known.includes(server)) return undefined
      const made = alone.get(server) ?? snapshot(
        parts.filter((part) => part.server === server).map((part) => ({ ...part, prefix: { mode: "never", text: server } })),
        rules
      )
      alone.set(server, made)
      return made
    }
  }
}
