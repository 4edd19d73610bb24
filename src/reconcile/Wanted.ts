/** One server as the manifest wants it, its plugins' parts decoded, and what about it needs a new instance. */
import { Duration, Effect, Equal } from "effect"
import type { Prefix } from "../catalogue/Naming.ts"
import { type BuildFailed, type ConfigRefused, type Part, Registry, type UnknownPlugin } from "../host/Registry.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import type { ServerEntry } from "../manifest/Server.ts"

export interface Wanted {
  readonly entry: ServerEntry
  readonly loader: Part<"loader">
  readonly auth: Part<"auth">
  readonly prefix: Prefix
  /** Milliseconds. */
  readonly timeout: number
  readonly hiddenText: "refuse" | "allow"
}

export type Unfit = UnknownPlugin | ConfigRefused | BuildFailed

export const wantedOf = Effect.fnUntraced(function*(
  { aggregation, guard, routing }: Manifest,
  entry: ServerEntry
): Effect.fn.Return<Wanted, Unfit, Registry> {
  const registry = yield* Registry
  return {
    entry,
    loader: yield* registry.decode("loader", entry.type, entry.source),
    auth: yield* registry.decode("auth", entry.auth_strategy, entry.auth_config),
    prefix: prefixOf(entry, aggregation.prefix),
    timeout: Duration.toMillis(entry.timeout ?? routing.timeout),
    hiddenText: guard.hidden_text
  }
})

export const prefixOf = ({ id, prefix }: ServerEntry, rule: Prefix["mode"]): Prefix => {
  if (prefix === undefined) return { mode: rule, text: id }
  if (prefix === "always" || prefix === "on_conflict" || prefix === "never") return { mode: prefix, text: id }
  return prefix === "" ? { mode: "never", text: id } : { mode: "always", text: prefix }
}

/** Whether what runs for `a` also serves `b`: the rest is only how it is reached and named. */
export const sameInstance = (a: Wanted, b: Wanted): boolean => Equal.equals(identity(a), identity(b))

const identity = ({ entry, hiddenText, loader }: Wanted) => ({
  type: entry.type,
  revision: loader.revision,
  source: entry.source,
  config: entry.config,
  sharing: entry.sharing,
  hiddenText
})

/** Whether the strategy built for `a` also serves `b`. */
export const sameStrategy = (a: Part<"auth">, b: Part<"auth">): boolean =>
  a.name === b.name && a.revision === b.revision && Equal.equals(a.config, b.config)
