/**
 * The whole manifest. `Manifest` is what the rest of the gateway reads: decoded,
 * with every default filled in, comparable with `Equal.equals`.
 */
import { Schema } from "effect"
import { access } from "./Access.ts"
import { AccessRules } from "./AccessRules.ts"
import { Audit } from "./AuditKey.ts"
import { about, fallback, required, Text } from "./Fields.ts"
import { isLoopback } from "../lib/Loopback.ts"
import { Hosting } from "./Hosting.ts"
import { lifecycleIssues } from "./LifecycleRules.ts"
import { Aggregation, Guard, Routing } from "./Routing.ts"
import { ServerEntry } from "./Server.ts"
import { signInIssues } from "./SignInRules.ts"
import { strategyIssues } from "./StrategyRules.ts"

const isFile = (use: string) => /^\.{0,2}\//u.test(use)

export const PluginUse = Schema.Struct({
  use: required(Text, "A file (./plugins/mine.mjs) or an npm package", "a file or an npm package"),
  version: Schema.optionalKey(about(
    Schema.String.check(Schema.isPattern(/^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/u, { expected: "an exact version, such as 1.2.3" })),
    "Exact version of the package"
  )),
  integrity: Schema.optionalKey(about(
    Schema.String.check(Schema.isPattern(/^sha(?:256|384|512)-[A-Za-z0-9+/]+=*$/u, { expected: "a hash such as sha512-..." })),
    "Hash of the package as npm publishes it (npm view NAME dist.integrity), or of the file"
  ))
}).check(Schema.makeFilter(({ integrity, use, version }) => {
  if (isFile(use)) return true
  return [
    ...(version === undefined ? [{ path: ["version"], issue: "is missing, expected the exact version of the package" }] : []),
    ...(integrity === undefined ? [{ path: ["integrity"], issue: "is missing, expected the hash of the package" }] : [])
  ]
}))

export const Manifest = Schema.Struct({
  version: required(Schema.Literal(1), "Version of this format", "version: 1"),
  hosting: fallback(Hosting, "Where the gateway listens and where it keeps things", {}),
  ...access,
  access: Schema.optionalKey(about(AccessRules, "What each caller may see and call; without it, everything")),
  audit: Schema.optionalKey(about(
    Audit,
    "Keep a record of each decision and call in the data directory: true, false, or how; without it, where there is sign-in or access rules"
  )),
  aggregation: fallback(Aggregation, "How the servers' tools become one list", {}),
  routing: fallback(Routing, "How calls reach servers; each server can override these", {}),
  guard: fallback(Guard, "What is kept out of the catalogue", {}),
  servers: fallback(Schema.Array(ServerEntry), "The MCP servers behind the gateway", []),
  plugins: fallback(Schema.Array(PluginUse), "Loaders and auth strategies that are not built in", [])
}).check(Schema.makeFilter(({ api_keys, hosting: { host, tls }, master_oauth }) =>
  isLoopback(host) || master_oauth !== undefined || api_keys === true || tls?.client_ca !== undefined || {
    path: ["hosting", "host"],
    issue: "would let others in: an address other than 127.0.0.1, ::1 or localhost is refused unless master_oauth or api_keys is set"
  }), Schema.makeFilter((manifest) => [...signInIssues(manifest), ...strategyIssues(manifest), ...lifecycleIssues(manifest)]))
export type Manifest = typeof Manifest.Type
