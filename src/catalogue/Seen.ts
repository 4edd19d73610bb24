/**
 * The catalogue as one principal sees it, by the rules that also decide its calls. A server it may not
 * see leaves nothing behind: not a name, nor that another name was taken.
 */
import { Equal } from "effect"
import type { Access, Sight } from "../guard/Access.ts"
import type { Principal } from "../plugin/Auth.ts"
import type { Definition } from "./Definition.ts"
import type { NamingRules } from "./Naming.ts"
import type { Part, Snapshot } from "./Snapshot.ts"
import { type Views, views } from "./Views.ts"

/** What of the parts shows. */
export const seenParts = (parts: ReadonlyArray<Part>, sight: Sight): ReadonlyArray<Part> =>
  parts.flatMap((part) => sight.sees(part.server) ? [seenPart(part, sight)] : [])

const seenPart = (part: Part, sight: Sight): Part => {
  const { instructions, listing, server } = part
  const { prompts, resources, templates, tools } = listing.definitions
  const shown = (all: ReadonlyArray<Definition>) => all.filter(({ kind, name }) => sight.shows(server, kind, name))
  const definitions = {
    tools: shown(tools),
    prompts: shown(prompts),
    resources: shown(resources),
    templates: sight.readsSome(server) ? templates.map((one) => sight.shows(server, one.kind, one.name) ? one : unlisted(one)) : shown(templates)
  }
  const hasSome = [definitions.tools, definitions.prompts, definitions.resources, definitions.templates.filter(({ text }) => text !== "")].some(({ length }) => length > 0)
  const isAll = tools.length + prompts.length + resources.length + templates.length === 0
  return {
    ...part,
    listing: { definitions, excluded: [] },
    // What a server says of itself speaks of what it has.
    instructions: hasSome || isAll ? instructions : undefined
  }
}

/** It says which server a URI belongs to, and nothing else. */
const unlisted = (template: Definition): Definition => ({ ...template, text: "" })

/** Most kinds of sight whose lists are kept; the least recent one goes first. */
const KEPT = 64

export interface Seeing {
  readonly access: Access
  readonly parts: ReadonlyArray<Part>
  readonly rules: NamingRules
  readonly known: ReadonlyArray<string>
}

/** What everybody sees by the rules alone. */
export type SeenBy = (seeing: Seeing) => At

type At = (server: string | undefined, principal: Principal) => Snapshot | undefined

/** The views of what was given, the same ones for as long as the same is given. */
export const seenBy = (): SeenBy => {
  let last: { readonly seeing: Seeing; readonly at: At } | undefined
  return (seeing: Seeing): At => {
    if (last === undefined || !isSame(last.seeing, seeing)) last = { seeing, at: viewsOf(seeing) }
    return last.at
  }
}

const isSame = (a: Seeing, b: Seeing): boolean =>
  a.access === b.access && Equal.equals(a.rules, b.rules) && Equal.equals(a.known, b.known) && a.parts.length === b.parts.length &&
  a.parts.every((part, index) => isSamePart(part, b.parts[index]))

/** A listing that is read anew is another one, whatever is in it. */
const isSamePart = (a: Part, b: Part | undefined): boolean =>
  b !== undefined && a.server === b.server && a.listing === b.listing && a.instructions === b.instructions && Equal.equals(a.prefix, b.prefix)

/** What each principal sees at each endpoint; made when somebody asks, once for all with the same sight. */
const viewsOf = ({ access, known, parts, rules }: Seeing): At => {
  const kept = new Map<string, Views>()
  const viewsFor = (sight: Sight): Views => {
    const made = kept.get(sight.key) ?? views(seenParts(parts, sight), rules, known.filter(sight.sees))
    kept.delete(sight.key)
    for (const oldest of kept.keys()) {
      if (kept.size < KEPT) break
      kept.delete(oldest)
    }
    kept.set(sight.key, made)
    return made
  }
  return (server, principal) => {
    const seen = viewsFor(access.sightOf(principal))
    return server === undefined ? seen.all : seen.of(server)
  }
}
