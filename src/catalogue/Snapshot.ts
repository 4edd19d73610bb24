/**
 * The catalogue at one moment: every public name and its owner, and the merged
 * lists as bytes, serialised once. Immutable; a change makes a new one.
 */
import { digest } from "../lib/Digest.ts"
import { type Member, withValues } from "../lib/Json.ts"
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
  /**
   * The tool of a public name, or of a name of the server's own where that server has pages for hosts of MCP Apps: a page
   * calls the tools of its server by the names it knows (SEP-1865). One that two of them have leads nowhere.
   */
  readonly toolOf: (name: string) => Route | undefined
  readonly prompts: ReadonlyMap<string, Route>
  readonly resources: ReadonlyMap<string, Route>
  readonly templates: ReadonlyMap<string, Route>
  readonly lists: Readonly<Record<Kind, MergedList>>
  /** The tools as clients see them that know output of objects only, in all revisions before 2026-07-28. */
  readonly toolsOfObjects: MergedList
  /** What the servers tell a model about themselves, each under its id. */
  readonly instructions: string | undefined
  /** What stays out, and why. */
  readonly excluded: ReadonlyArray<Excluded & { readonly server: string }>
  /** The route of a public URI, listed or not; its name is the server's own URI. */
  readonly ownerOfUri: (uri: string) => Route | undefined
}

/** Most definitions on one page of a merged list. */
const PAGE = 1000

export const snapshot = (parts: ReadonlyArray<Part>, rules: NamingRules): Snapshot => {
  const offersOf = (kind: Kind) =>
    parts.map(({ listing, prefix, server }) => ({ server, prefix, definitions: listing.definitions[kind] }))
  const tools = nameAll(offersOf("tools"), rules)
  const prompts = nameAll(offersOf("prompts"), rules)
  const resources = addressAll(parts, ({ resources, ...others }) => [...resources, ...unlistedPages({ resources, ...others })])
  const templates = addressAll(parts, ({ templates }) => templates)
  const { anything, fixed } = byWhatIsFixed(templates.named)
  const resourceRoutes = routesOf(resources.named)
  const among = (uri: string, some: typeof fixed) => some.find(({ parts }) => mayComeFrom(uri, parts))?.named

  const pageOf = pagesUnder(resources.named)
  const toolRoutes = routesOf(tools.named)
  const toolsOfApps = ofApps(tools.named)
  const listedTools = merged(tools.named, { pageOf })

  return {
    tools: toolRoutes,
    toolOf: (name) => toolRoutes.get(name) ?? toolsOfApps.get(name),
    prompts: routesOf(prompts.named),
    resources: resourceRoutes,
    templates: routesOf(templates.named),
    lists: {
      tools: listedTools,
      prompts: merged(prompts.named),
      resources: merged(resources.named),
      templates: merged(templates.named)
    },
    toolsOfObjects: tools.named.some(({ definition }) => definition.output !== undefined)
      ? merged(tools.named, { pageOf, changes: belowResult })
      : listedTools,
    instructions: instructionsOf(parts),
    excluded: [
      ...parts.flatMap(({ listing, server }) => listing.excluded.map((one) => ({ ...one, server }))),
      ...[tools, prompts, resources, templates].flatMap(({ excluded }) => excluded)
    ],
    ownerOfUri: (uri) => {
      const listed = resourceRoutes.get(uri)
      if (listed !== undefined) return listed
      const found = among(uri, fixed) ?? ownerByScheme(uri, [...resources.named, ...templates.named]) ?? among(uri, anything)
      return found && { ...routeOf(found), name: uri.slice(aliasOf(found).length) }
    }
  }
}

/**
 * Templates with the one that says most about a URI first; those without a scheme apart, since
 * one that takes anything must not take the URIs of other servers.
 */
const byWhatIsFixed = (templates: ReadonlyArray<Named>) => {
  const all = templates.map((named) => ({ parts: fixedParts(named.name), named })).sort((a, b) => lengthOf(b.parts) - lengthOf(a.parts))
  const hasScheme = ({ parts }: { readonly parts: ReadonlyArray<string> }) => schemeOf(parts[0] ?? "") !== ""
  return { fixed: all.filter(hasScheme), anything: all.filter((one) => !hasScheme(one)) }
}

const lengthOf = (parts: ReadonlyArray<string>): number => parts.join("").length

/** URIs stay as they are; one that a server before it also has becomes `<id>+<uri>`. */
const addressAll = (parts: ReadonlyArray<Part>, of: (definitions: Listing["definitions"]) => ReadonlyArray<Definition>) => {
  const owners = new Map<string, string>()
  const named: Array<Named> = []
  const excluded: Array<Excluded & { readonly server: string }> = []
  for (const { listing, server } of parts) {
    const own = new Set<string>()
    for (const definition of of(listing.definitions)) {
      const { kind, name } = definition
      if (own.has(name)) {
        excluded.push({ server, kind, name, why: `its address "${name}" is taken by server "${server}"` })
        continue
      }
      own.add(name)
      let address = name
      // A server that lists `<id>+<uri>` too does not get to stand in for another.
      while (owners.has(address)) address = `${server}+${address}`
      owners.set(address, server)
      named.push({ server, definition, name: address })
    }
  }
  return { named, excluded }
}

/** The pages of a server's tools that are not among its resources, as definitions without a text: they are routed, not listed. */
const unlistedPages = ({ resources, tools }: Listing["definitions"]): ReadonlyArray<Definition> => {
  const listed = new Set(resources.map(({ name }) => name))
  const uris = new Set(tools.flatMap(({ pages }) => pages.map(({ uri }) => uri)))
  return [...uris].flatMap((uri) => listed.has(uri) ? [] : [{ kind: "resources", name: uri, text: "", place: NOWHERE, paramHeaders: [], pages: [] }])
}

const NOWHERE: Member = { key: "uri", at: 0, start: 0, end: 0 }

/** What a tool calls its pages in public: as its own server's resources are called. */
const pagesUnder = (resources: ReadonlyArray<Named>) => {
  const renamed = new Map<string, string>()
  for (const { definition, name, server } of resources) if (name !== definition.name) renamed.set(`${server} ${definition.name}`, name)
  return (server: string, uri: string) => renamed.get(`${server} ${uri}`)
}

const ofApps = (tools: ReadonlyArray<Named>): ReadonlyMap<string, Route> => {
  const servers = new Set(tools.filter(({ definition }) => definition.pages.length > 0).map(({ server }) => server))
  const own = tools.filter(({ server }) => servers.has(server))
  const count = new Map<string, number>()
  for (const { definition: { name } } of own) count.set(name, (count.get(name) ?? 0) + 1)
  return new Map(own.filter(({ definition: { name } }) => count.get(name) === 1).map((one) => [one.definition.name, routeOf(one)]))
}

/** What stands before the server's own URI in the public one; mostly nothing. */
const aliasOf = ({ definition, name }: Named): string => name.slice(0, name.length - definition.name.length)

const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(":") + 1)

/** An unlisted URI belongs to the only server that has others of its scheme. */
const ownerByScheme = (uri: string, named: ReadonlyArray<Named>): Named | undefined => {
  const scheme = schemeOf(uri)
  const found = scheme === "" ? [] : named.filter(({ name }) => schemeOf(name) === scheme)
  return found.every(({ server }) => server === found[0]?.server) ? found[0] : undefined
}

const routeOf = ({ definition, server }: Named): Route => ({ server, name: definition.name, definition })

const routesOf = (named: ReadonlyArray<Named>): ReadonlyMap<string, Route> =>
  new Map(named.map((one) => [one.name, routeOf(one)]))

/** An output schema put below `result` (SEP-2106); what it refers to inside itself would not be found there. */
const belowResult = ({ output, text }: Definition): ReadonlyArray<Change> => {
  if (output === undefined) return []
  const schema = text.slice(output.start, output.end)
  const inner = schema.includes("\"$ref\"") ? "{}" : schema
  return [{ place: output, value: `{"type":"object","properties":{"result":${inner}},"required":["result"]}` }]
}

interface Change {
  readonly place: Member
  readonly value: string
}

interface Merging {
  /** The public address of a tool's page, where it is another than the server's own. */
  readonly pageOf?: (server: string, uri: string) => string | undefined
  /** What else is to be changed in a definition. */
  readonly changes?: (definition: Definition) => ReadonlyArray<Change>
}

const merged = (named: ReadonlyArray<Named>, { changes = () => [], pageOf = () => undefined }: Merging = {}): MergedList => {
  const texts = named.filter(({ definition }) => definition.text !== "").map(({ definition, name, server }) => {
    const pages = definition.pages.flatMap(({ place, uri }) => {
      const page = pageOf(server, uri)
      return page === undefined ? [] : [{ place, value: JSON.stringify(page) }]
    })
    const own = name === definition.name ? [] : [{ place: definition.place, value: JSON.stringify(name) }]
    return withValues(definition.text, [...own, ...pages, ...changes(definition)])
  })
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
