/** How the gateway introduces itself to clients, in either era. */
import type { Snapshot } from "../catalogue/Snapshot.ts"
import { VERSION } from "../lib/Version.ts"
import { TASKS } from "../backend/Era.ts"

export const SERVER_INFO = { name: "manifold", title: "Manifold MCP gateway", version: VERSION }

/**
 * Declared whatever the servers offer at this moment: servers come and go, and a
 * client that was told "no prompts" would never ask again.
 */
export const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
  /** MCP Apps (SEP-1865): pages are passed on, and their tool calls routed. */
  extensions: { "io.modelcontextprotocol/ui": {} }
}

/** Tasks are an extension of the modern revision; of legacy clients they are hidden. */
export const MODERN_CAPABILITIES = {
  ...CAPABILITIES,
  extensions: { ...CAPABILITIES.extensions, [TASKS]: {} }
}

export const instructionsOf = (snapshot: Snapshot | undefined) =>
  snapshot?.instructions === undefined ? {} : { instructions: snapshot.instructions }
