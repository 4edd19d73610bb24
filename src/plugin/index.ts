/** What a plugin sees of Manifold: `#plugin` here, `mcp-manifold/plugin` for third parties. */
export * as Auth from "./Auth.ts"
export * as Egress from "./Egress.ts"
export * as Loader from "./Loader.ts"
export * as Plugin from "./Plugin.ts"
export * as Provider from "./Provider.ts"
export * as Runtime from "./Runtime.ts"
export { DurationText } from "../lib/Span.ts"
export { definePlugin } from "./Plain.ts"
