/**
 * Gives each tool and prompt its public name. The mapping is injective and depends
 * on the manifest and the lists alone, so names are the same after every restart.
 */
import { digest } from "../lib/Digest.ts"
import type { Definition, Excluded } from "./Definition.ts"

/** `always`, `on_conflict` and `never` are the manifest's; `text` is a prefix of the server's own. */
export type Prefix =
  | { readonly mode: "always" | "on_conflict" | "never"; readonly text: string }

export interface NamingRules {
  readonly separator: string
  /** Longest public name in characters. */
  readonly longest: number
}

/** What one server offers of one kind. */
export interface Offer {
  readonly server: string
  readonly prefix: Prefix
  readonly definitions: ReadonlyArray<Definition>
}

export interface Named {
  readonly server: string
  readonly definition: Definition
  readonly name: string
}

const HASH = 8

/** Cuts a name that is too long and marks it with a hash of the whole, so that it stays itself and unlike others. */
export const shortened = (name: string, longest: number): string => {
  if (name.length <= longest) return name
  return `${name.slice(0, longest - HASH - 1)}_${digest(name).slice(0, HASH)}`
}

/** Public names in the order of the manifest, then of each list; a name that is taken keeps its first owner. */
export const nameAll = (
  offers: ReadonlyArray<Offer>,
  { longest, separator }: NamingRules
): { readonly named: ReadonlyArray<Named>; readonly excluded: ReadonlyArray<Excluded & { readonly server: string }> } => {
  const servers = new Map<string, Set<string>>()
  for (const { definitions, server } of offers) {
    for (const { name } of definitions) servers.set(name, (servers.get(name) ?? new Set()).add(server))
  }
  const isPrefixed = (prefix: Prefix, name: string) =>
    prefix.mode === "always" || (prefix.mode === "on_conflict" && (servers.get(name)?.size ?? 0) > 1)

  const owners = new Map<string, string>()
  const named: Array<Named> = []
  const excluded: Array<Excluded & { readonly server: string }> = []
  for (const { definitions, prefix, server } of offers) {
    for (const definition of definitions) {
      const whole = isPrefixed(prefix, definition.name) ? `${prefix.text}${separator}${definition.name}` : definition.name
      const name = shortened(whole, longest)
      const owner = owners.get(name)
      if (owner === undefined) {
        owners.set(name, server)
        named.push({ server, definition, name })
      } else {
        const why = `its public name "${name}" is taken by ${owner === server ? "another of this server" : `server "${owner}"`}`
        excluded.push({ server, kind: definition.kind, name: definition.name, why })
      }
    }
  }
  return { named, excluded }
}
