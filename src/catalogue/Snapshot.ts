/**
 * The catalogue at one moment: every public name and its owner, and the merged
 * lists as bytes, serialised once. Immutable; a change makes a new one.
 */
import { digest } from "../lib/Digest.ts"
import { withValue } from "../lib/Json.ts"
import type { Definition, Excluded, Kind } from "./Definition.ts"
import type { Listing } from "./Listing.ts"
import { nameAll, type Named, type NamingRules, type Prefix } from "./Naming.ts"
import { fixedParts, mayComeFrom } from "./UriTemplates.ts"

/** One server's part, in the order of the manifest. */
export interface Part {
  readonly server: string
  readonly prefix: Prefix
  readonly listing: Listing
  /** Capabilities it declared, which the merged ones derive from. */
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly instructions: string | undefined
}

/** Where a public name or URI leads. */
export interface Route {
  readonly server: string
  /** What the server itself calls it. */
  readonly name: string
  readonly definition: Definition
}

/** A merged list, cut into pages: each the JSON text of the members, without brackets. */
export interface MergedList {
  readonly pages: ReadonlyArray<Buffer>
  /** Changes exactly when the list does. */
  readonly digest: string
}

export interface Snapshot {
  readonly tools: ReadonlyMap<string, Route>
  readonly prompts: ReadonlyMap<string, Route>
  readonly resources: ReadonlyMap<string, Route>
  readonly templates: ReadonlyMap<string, Route>
  readonly lists: Readonly<Record<Kind, MergedList>>
  /** What the servers tell a model about themselves, each under its id. */
  readonly instructions: string | undefined
  /** What stays out, and why. */
  readonly excluded: ReadonlyArray<Excluded & { readonly server: string }>
  readonly ownerOfUri: (uri: string) => Route | undefined
}

/** Most definitions on one page of a merged list. */
const PAGE = 1000

export const snapshot = (parts: ReadonlyArray<Part>, rules: NamingRules): Snapshot => {
  const offersOf = (kind: Kind) =>
    parts.map(({ listing, prefix, server }) => ({ server, prefix, definitions: listing.definitions[kind] }))
  const tools = nameAll(offersOf("tools"), rules)
  const prompts = nameAll(offersOf("prompts"), rules)
  const resources = addressAll(parts, "resources")
  const templates = addressAll(parts, "templates")
  const templateRoutes = [...templates].map((named) => ({ parts: fixedParts(named.name), route: routeOf(named) }))
  const resourceRoutes = routesOf(resources)

  return {
    tools: routesOf(tools.named),
    prompts: routesOf(prompts.named),
    resources: resourceRoutes,
    templates: routesOf(templates),
    lists: {
      tools: merged(tools.named),
      prompts: merged(prompts.named),
      resources: merged(resources),
      templates: merged(templates)
    },
    instructions: instructionsOf(parts),
    excluded: [
      ...parts.flatMap(({ listing, server }) => listing.excluded.map((one) => ({ ...one, server }))),
      ...tools.excluded,
      ...prompts.excluded
    ],
    ownerOfUri: (uri) =>
      resourceRoutes.get(uri)
        ?? templateRoutes.find(({ parts }) => mayComeFrom(uri, parts))?.route
        ?? ownerByScheme(uri, resources, templates)
  }
}

/** URIs stay as they are; one that a server before it also has becomes `<id>+<uri>`. */
const addressAll = (parts: ReadonlyArray<Part>, kind: "resources" | "templates"): ReadonlyArray<Named> => {
  const owners = new Map<string, string>()
  return parts.flatMap(({ listing, server }) =>
    listing.definitions[kind].flatMap((definition) => {
      const name = owners.has(definition.name) ? `${server}+${definition.name}` : definition.name
      if (owners.has(name)) return []
      owners.set(name, server)
      return [{ server, definition, name }]
    })
  )
}

const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(":") + 1)

/** An unlisted URI belongs to the only server that has others of its scheme. */
const ownerByScheme = (uri: string, ...named: ReadonlyArray<ReadonlyArray<Named>>): Route | undefined => {
  const scheme = schemeOf(uri)
  const found = scheme === "" ? [] : named.flat().filter(({ name }) => schemeOf(name) === scheme)
  const first = found[0]
  if (first === undefined || found.some(({ server }) => server !== first.server)) return undefined
  return { ...routeOf(first), name: uri }
}

const routeOf = ({ definition, server }: Named): Route => ({ server, name: definition.name, definition })

const routesOf = (named: ReadonlyArray<Named>): ReadonlyMap<string, Route> =>
  new Map(named.map((one) => [one.name, routeOf(one)]))

const merged = (named: ReadonlyArray<Named>): MergedList => {
  const texts = named.map(({ definition, name }) =>
    name === definition.name ? definition.text : withValue(definition.text, definition.place, JSON.stringify(name))
  )
  const pages = []
  for (let at = 0; at === 0 || at < texts.length; at += PAGE) pages.push(Buffer.from(texts.slice(at, at + PAGE).join(",")))
  return { pages, digest: digest(texts.join(",")) }
}

/** Longest text that one server may add, in characters. */
const INSTRUCTIONS = 8000

const instructionsOf = (parts: ReadonlyArray<Part>): string | undefined => {
  const texts = parts.flatMap(({ instructions, server }) =>
    instructions === undefined || instructions === "" ? [] : [`# ${server}\n${instructions.slice(0, INSTRUCTIONS)}`]
  )
  return texts.length === 0 ? undefined : texts.join("\n\n")
}
