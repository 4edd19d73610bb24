/**
 * One entry of `servers:`. Keys that are not common to all servers belong to the
 * server's loader: they are kept as `source` for the loader's own schema, so that
 * one bad server fails alone.
 */
import { Schema, SchemaTransformation, Struct } from "effect"
import { TenantName } from "./AccessRules.ts"
import { about, DurationText, fallback, OwnKeys, PluginName, required, ServerId } from "./Fields.ts"
import { BALANCE, Balance, laterRouting, ServerHealth, ServerPrefix } from "./Routing.ts"
import { Limits, SandboxKey, sandboxOf, SandboxSettings } from "./Sandbox.ts"
import { ServerConfig } from "./ServerConfig.ts"


const common = {
  id: required(ServerId, "Name of the server, unique in the manifest", "a name for the server"),
  type: required(
    PluginName,
    "The loader: npm, git, pypi, docker, local, remote, registry, mcpb, or one of a plugin",
    "the loader: npm, git, pypi, docker, local, remote, registry or mcpb"
  ),
  auth_strategy: required(
    PluginName,
    "Which credential goes with a call: bypass_auth sends none",
    "which credential goes with a call: bypass_auth sends none"
  ),
  auth_config: fallback(OwnKeys, "What the auth strategy takes", {}),
  enabled: fallback(Schema.Boolean, "false leaves the server out without deleting its entry", true),
  required: fallback(Schema.Boolean, "The gateway is not ready before this server is", false),
  prefix: Schema.optionalKey(about(ServerPrefix, "How this server's names begin: always, on_conflict, never, or a prefix of its own")),
  timeout: Schema.optionalKey(about(DurationText, "How long a call to this server may take")),
  config: fallback(ServerConfig, "What the server's process or connection is given", {}),
  health: Schema.optionalKey(about(ServerHealth, "How this server is asked whether it still answers, where that differs from routing.health")),
  balance: Schema.optionalKey(about(Balance, BALANCE)),
  ...laterRouting,
  sharing: fallback(
    Schema.Literals(["shared", "per_principal", "per_session"]),
    "Who shares a session or a process of the server: everybody, the calls of one user, or those of one client session",
    "shared"
  ),
  tenants: Schema.optionalKey(about(Schema.NonEmptyArray(TenantName), "Tenants that alone may see this server, by access.tenant; everybody without it")),
  replicas: fallback(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }, { expected: "a number from 1 to 64" })),
    "How many instances of the server run; calls go to those that serve",
    1
  ),
  idle_stop: Schema.optionalKey(about(DurationText, "Stop the server when nobody has used it for this long; the first call starts it again")),
  sandbox: fallback(SandboxKey, "What separates the server from the machine: none, process (bubblewrap), or { mode: ... } with what it may use; docker has walls of its own", "none"),
  limits: fallback(Limits, "Most memory, processors, processes and open files; with type docker or a sandbox 512 MiB, 1, 256 and 4096 hold unless written", {}),
  minimum_release_age: Schema.optionalKey(about(DurationText, "Take no version younger than this anew, as the registry dates it; what the lock has stays. For npm, pypi and registry")),
  provenance: Schema.optionalKey(about(
    Schema.Literals(["recorded", "required"]),
    "required: a package that its npm registry has not signed is refused; else what was found stands in the lock. For npm and registry"
  ))
}

/** The keys every server may have; all others are its loader's. */
export const commonKeys: ReadonlyArray<string> = Object.keys(common)

/** A server as the file has it. */
export const ServerKeys = Schema.StructWithRest(Schema.Struct(common), [OwnKeys]).check(
  Schema.makeFilter(({ config, limits, sandbox, type }) => {
    const { mode, network = false } = sandboxOf(sandbox)
    if (type === "remote" && Object.keys(limits).length > 0) return { path: ["limits"], issue: "means nothing with type remote: it runs elsewhere" }
    if (mode === "none") return true
    if (type === "remote") return { path: ["sandbox"], issue: "means nothing with type remote: it runs elsewhere" }
    if (type === "docker") return { path: ["sandbox"], issue: "means nothing with type docker: it is in a container already" }
    return config.port === undefined || network || { path: ["sandbox"], issue: `config.port leads nowhere without a network: write { mode: ${mode}, network: true }` }
  }),
  Schema.makeFilter(({ minimum_release_age, provenance, type }) => [
    ...(minimum_release_age === undefined || !UNDATED.has(type) ? [] : [{ path: ["minimum_release_age"], issue: `says nothing with type ${type}, where nobody dates what is published` }]),
    ...(provenance === undefined || !UNSIGNED.has(type) ? [] : [{ path: ["provenance"], issue: `says nothing with type ${type}: only npm registries sign what they give` }])
  ])
)

/** Loaders of ours that fetch from where no registry dates it, and those that fetch from where none signs it. */
const UNDATED: ReadonlySet<string> = new Set(["git", "docker", "local", "remote", "mcpb"])
const UNSIGNED: ReadonlySet<string> = new Set([...UNDATED, "pypi"])

const entry = {
  id: Schema.String,
  type: Schema.String,
  auth_strategy: Schema.String,
  auth_config: OwnKeys,
  enabled: Schema.Boolean,
  required: Schema.Boolean,
  prefix: Schema.optionalKey(Schema.String),
  timeout: Schema.optionalKey(Schema.Duration),
  health: Schema.optionalKey(Schema.toType(ServerHealth)),
  balance: Schema.optionalKey(Balance),
  sharing: Schema.Literals(["shared", "per_principal", "per_session"]),
  replicas: Schema.Int,
  idle_stop: Schema.optionalKey(Schema.Duration),
  tenants: Schema.optionalKey(Schema.NonEmptyArray(Schema.String)),
  sandbox: Schema.toType(SandboxSettings),
  limits: Schema.toType(Limits),
  minimum_release_age: Schema.optionalKey(Schema.Duration),
  provenance: Schema.optionalKey(Schema.Literals(["recorded", "required"])),
  config: Schema.toType(ServerConfig)
}

/** The keys the gateway itself reads. */
const entryKeys = [
  ...["id", "type", "auth_strategy", "auth_config", "enabled", "required", "prefix", "tenants", "config", "limits", "minimum_release_age", "provenance"] as const,
  ...["timeout", "health", "balance", "sharing", "replicas", "idle_stop"] as const
]

export const ServerEntry = ServerKeys.pipe(Schema.decodeTo(
  Schema.Struct({ ...entry, source: OwnKeys }),
  SchemaTransformation.transform({
    decode: (keys) => ({
      ...Struct.pick(keys, entryKeys),
      sandbox: sandboxOf(keys.sandbox),
      source: Object.fromEntries(Object.entries(keys).filter(([key]) => !commonKeys.includes(key)))
    }),
    encode: ({ source, ...keys }) => ({ ...source, ...keys })
  })
))
export type ServerEntry = typeof ServerEntry.Type
