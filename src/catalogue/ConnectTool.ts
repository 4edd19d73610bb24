/** What a user sees of a server that lists nothing before they consent: one tool, whose call gives the way to consent. */
import { type Definition, definitionOf } from "./Definition.ts"
import { type Listing, nothing } from "./Listing.ts"

const CONNECT = "connect"

/** Whether a call is for that tool, and not for one of a server's own. */
export const isConnect = (definition: Definition | undefined): boolean => definition !== undefined && made.has(definition)

const made = new WeakSet<Definition>()

export const connectTool = (server: string): Listing => {
  const text = JSON.stringify({
    name: CONNECT,
    title: `Connect ${server}`,
    description: `The server "${server}" needs your consent before it shows its tools. Call this to get the address to open; its tools are here afterwards.`,
    inputSchema: { type: "object" },
    annotations: { readOnlyHint: true, openWorldHint: true }
  })
  const definition = definitionOf("tools", text, "refuse")
  if ("why" in definition) return nothing
  made.add(definition)
  return { ...nothing, definitions: { ...nothing.definitions, tools: [definition] } }
}
