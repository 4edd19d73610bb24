/**
 * One server under management: the instance that serves, and while the manifest
 * wants another form, the candidate that takes over when it is ready.
 */
import { type Duration, Effect, Exit, Scope } from "effect"
import type { Instance } from "../backend/Spec.ts"
import type { Served } from "../catalogue/Catalogue.ts"
import type { Listing } from "../catalogue/Listing.ts"
import type { Part as Offered } from "../catalogue/Snapshot.ts"
import { Consents } from "../guard/Consents.ts"
import * as Slot from "../lib/Slot.ts"
import type { AuthStrategy } from "../plugin/Auth.ts"
import type { Found } from "./Launching.ts"
import type * as Offers from "./Offer.ts"
import type { Personal } from "./Personal.ts"
import { sameInstance, type Wanted } from "./Wanted.ts"

/** An instance with what it was made from. */
export interface Running {
  readonly wanted: Wanted
  readonly generation: number
  readonly instance: Instance
  readonly offer: Offers.Offered
  readonly scope: Scope.Closeable
  /** What its source came to; not before it has. */
  readonly found: () => Found | undefined
}

/** An auth strategy with what it was made from. */
export interface Authorizing {
  readonly wanted: Wanted
  readonly strategy: AuthStrategy
  readonly scope: Scope.Closeable
  /** Ends that users can consent by it. */
  readonly withdraw: () => void
}

export interface Managed {
  readonly id: string
  readonly slot: Slot.Slot<Instance>
  /** The last good form; what it says about names, time limits and credentials is in force at once. */
  wanted: Wanted
  generation: number
  /** Built from the strategy's part of the manifest; another part replaces it without touching the instance. */
  auth: Authorizing | undefined
  serving: Running | undefined
  candidate: Running | undefined
  /** Where the credential is the user's own. */
  personal: { readonly serving: Personal; readonly scope: Scope.Closeable } | undefined
}

export const managed = (id: string, wanted: Wanted, drain: Duration.Duration, scope: Scope.Scope): Managed => ({
  id,
  slot: Slot.make(drain, scope),
  wanted,
  generation: 0,
  auth: undefined,
  serving: undefined,
  candidate: undefined,
  personal: undefined
})

/** What the server adds to the catalogue; nothing while it has never been ready or has failed for good. */
export const partOf = (server: Managed): ReadonlyArray<Offered> => {
  const { serving } = server
  return serving === undefined || serving.instance.state().isGivenUp === true ? [] : [offeredBy(server, serving.offer.listing(), serving)]
}

export const offeredBy = ({ id, wanted }: Managed, listing: Listing, running: Pick<Running, "offer"> | undefined): Offered => ({
  server: id,
  prefix: wanted.prefix,
  listing,
  capabilities: running?.offer.capabilities() ?? {},
  instructions: running?.offer.instructions()
})

export const servedBy = ({ auth, id, personal, serving, slot, wanted }: Managed): ReadonlyArray<Served> =>
  serving === undefined || auth === undefined ? [] : [{
    id,
    slot,
    strategy: auth.strategy,
    strategyName: auth.wanted.auth.name,
    timeout: wanted.timeout,
    sharing: wanted.entry.sharing,
    ...(personal === undefined ? {} : { personal: personal.serving })
  }]

/** Which of the two is what is wanted already. */
export const servedAlready = ({ candidate, serving }: Managed, wanted: Wanted): "serving" | "candidate" | undefined => {
  if (serving !== undefined && sameInstance(serving.wanted, wanted)) return "serving"
  return candidate !== undefined && sameInstance(candidate.wanted, wanted) ? "candidate" : undefined
}

/** Builds a strategy in a scope of its own below `parent`. */
export const authorize = Effect.fnUntraced(function*(wanted: Wanted, parent: Scope.Scope) {
  const consents = yield* Consents
  const scope = yield* Scope.fork(parent)
  const strategy = yield* wanted.auth.build.pipe(
    Scope.provide(scope),
    Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
  )
  const withdraw = strategy.consent === undefined ? () => {} : consents.offer(wanted.entry.id, strategy.consent)
  return { wanted, strategy, scope, withdraw }
})

/** One that rests serves each user who brings a credential, one that sleeps whoever calls. */
export const serves = (instance: Instance | undefined): boolean =>
  instance !== undefined && (instance.opened()?.connection.isClosed === false || instance.state().isResting === true || instance.state().isAsleep === true)
