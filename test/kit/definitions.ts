/** Definitions and parts of a catalogue for tests, made by the code that reads those of backends. */
import { type Definition, definitionOf, type Kind } from "../../src/catalogue/Definition.ts"
import { nothing } from "../../src/catalogue/Listing.ts"
import type { Part } from "../../src/catalogue/Snapshot.ts"

const KEY = { tools: "name", prompts: "name", resources: "uri", templates: "uriTemplate" } as const

export const definitionsNamed = (kind: Kind, names: ReadonlyArray<string>): ReadonlyArray<Definition> =>
  names.map((name) => definitionOf(kind, JSON.stringify({ [KEY[kind]]: name, title: `the ${name}` }), "refuse")).flatMap((found) =>
    "why" in found ? [] : [found])

/** A server with these names, its id as prefix of all of them. */
export const partWith = (server: string, named: Partial<Readonly<Record<Kind, ReadonlyArray<string>>>>): Part => ({
  server,
  prefix: { mode: "always", text: server },
  listing: {
    ...nothing,
    definitions: {
      tools: definitionsNamed("tools", named.tools ?? []),
      prompts: definitionsNamed("prompts", named.prompts ?? []),
      resources: definitionsNamed("resources", named.resources ?? []),
      templates: definitionsNamed("templates", named.templates ?? [])
    }
  },
  capabilities: {},
  instructions: undefined
})
