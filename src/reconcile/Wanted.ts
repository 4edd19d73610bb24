/** One server as the manifest wants it, its plugins' parts decoded, and what about it needs a new instance. */
import { Context, Duration, Effect, Equal } from "effect"
import { Auth, Keep, Signer, SignIns } from "#plugin"
import type { Health } from "../backend/Health.ts"
import type { Prefix } from "../catalogue/Naming.ts"
import { Base, returnAddressOf } from "../guard/Base.ts"
import { Locks } from "../host/Locks.ts"
import { type BuildFailed, type ConfigRefused, type Part, Registry, type UnknownPlugin } from "../host/Registry.ts"
import type { Manifest } from "../manifest/Manifest.ts"
import type { Balance } from "../manifest/Routing.ts"
import type { ServerEntry } from "../manifest/Server.ts"
import { keepFor } from "../vault/Keeping.ts"
import { Vault } from "../vault/Vault.ts"

export interface Wanted {
  readonly entry: ServerEntry
  readonly loader: Part<"loader">
  readonly auth: Part<"auth">
  readonly prefix: Prefix
  /** Milliseconds. */
  readonly timeout: number
  readonly health: Health
  readonly balance: Balance
  readonly idleStop: Duration.Duration | undefined
  readonly hiddenText: "refuse" | "allow"
  /** What the lock file says that runs. */
  readonly locked: string | undefined
  /** Its canonical URI (RFC 8707), where it is reached at an address. */
  readonly resource: string | undefined
}

export type Unfit = UnknownPlugin | ConfigRefused | BuildFailed

const resourceOf = ({ config, source }: ServerEntry): string | undefined => {
  const url = source["url"]
  if (typeof url === "string") return url
  return config.port === undefined ? undefined : `http://127.0.0.1:${config.port}${config.path}`
}

/** What strategies are lent from. */
export type Lending = Base | Signer.Signer | SignIns.SignIns | Vault

/** What the server's strategy is lent: which server it is for, and its own rows of the vault. */
const lentFor = Effect.fnUntraced(function*({ id }: ServerEntry, resource: string | undefined, callbackPath: string) {
  const base = yield* Base
  return Context.make(Auth.Server, {
    id,
    ...(resource === undefined ? {} : { resource }),
    returnAddress: () => returnAddressOf(base.current(), callbackPath, id),
    clientAddress: () => `${base.current()}/oauth/clients/${id}`
  }).pipe(
    Context.add(Keep.Keep, keepFor(yield* Vault, id)),
    Context.add(Signer.Signer, yield* Signer.Signer),
    Context.add(SignIns.SignIns, yield* SignIns.SignIns)
  )
})

export const wantedOf = Effect.fnUntraced(function*(
  { aggregation, guard, oauth_delegation, routing }: Manifest,
  entry: ServerEntry
): Effect.fn.Return<Wanted, Unfit, Lending | Locks | Registry> {
  const registry = yield* Registry
  const resource = resourceOf(entry)
  const own = yield* lentFor(entry, resource, oauth_delegation.callback_path)
  return {
    entry,
    loader: yield* registry.decode("loader", entry.type, entry.source),
    auth: yield* registry.decode("auth", entry.auth_strategy, entry.auth_config, own),
    prefix: prefixOf(entry, aggregation.prefix),
    timeout: Duration.toMillis(entry.timeout ?? routing.timeout),
    health: healthOf(entry, routing),
    balance: entry.balance ?? routing.balance,
    idleStop: entry.idle_stop,
    hiddenText: guard.hidden_text,
    locked: (yield* (yield* Locks).locked(entry.id, entry))?.digest,
    resource
  }
})

/** A call that is still in its time keeps a server that answers nothing else. */
const healthOf = (entry: ServerEntry, { health, timeout }: Manifest["routing"]): Health => {
  const { failures, interval, timeout: answer } = { ...health, ...entry.health }
  return { failures, timeout: answer, interval: interval === "off" ? undefined : interval, patience: Duration.toMillis(entry.timeout ?? timeout) }
}

export const prefixOf = ({ id, prefix }: ServerEntry, rule: Prefix["mode"]): Prefix => {
  if (prefix === undefined) return { mode: rule, text: id }
  if (prefix === "always" || prefix === "on_conflict" || prefix === "never") return { mode: prefix, text: id }
  return prefix === "" ? { mode: "never", text: id } : { mode: "always", text: prefix }
}

/** Whether what runs for `a` also serves `b`: the rest is only how it is reached and named. */
export const sameInstance = (a: Wanted, b: Wanted): boolean => Equal.equals(identity(a), identity(b))

const identity = ({ auth, entry, hiddenText, loader, locked }: Wanted) => ({
  type: entry.type,
  // Another strategy asks for the lists with another credential.
  auth: auth.name,
  revision: loader.revision,
  source: entry.source,
  config: entry.config,
  sharing: entry.sharing,
  replicas: entry.replicas,
  provenance: entry.provenance,
  sandbox: entry.sandbox,
  limits: entry.limits,
  locked,
  hiddenText
})

/** Whether the strategy built for `a` also serves `b`. */
export const sameStrategy = (a: Wanted, b: Wanted): boolean =>
  a.auth.name === b.auth.name && a.auth.revision === b.auth.revision && Equal.equals(a.auth.config, b.auth.config) && a.resource === b.resource
