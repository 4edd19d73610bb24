/**
 * What can be called right now: the snapshot of all definitions and the servers
 * behind it, published together in one assignment. Readers only read.
 */
import { Context, Effect, Layer } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Instance } from "../backend/Instance.ts"
import type { Sharing } from "../backend/Party.ts"
import type { Slot } from "../lib/Slot.ts"
import type { AuthStrategy, ConsentNeeded, CredentialRefused, Principal } from "../plugin/Auth.ts"
import type { Kind } from "./Definition.ts"
import { KINDS } from "./Listing.ts"
import { snapshot, type Snapshot } from "./Snapshot.ts"

/** A server whose credential is its user's own. */
export interface PersonalServing {
  /** Whether it lists without one: then its lists are everybody's, and only calls are a user's. */
  readonly isShared: () => boolean
  /** The instance that this user's credential opened; opened now, if it has to be. */
  readonly slotFor: (principal: Principal) => Effect.Effect<Slot<Instance>, BackendFailed | ConsentNeeded | CredentialRefused>
  /** Finds out what this user sees of it. */
  readonly look: (principal: Principal) => Effect.Effect<void>
}

/** A server as calls use it. */
export interface Served {
  readonly id: string
  readonly slot: Slot<Instance>
  readonly strategy: AuthStrategy
  /** Longest wait, in milliseconds, for an answer or a sign of progress. */
  readonly timeout: number
  readonly sharing: Sharing
  readonly personal?: PersonalServing
}

export interface Published {
  readonly generation: number
  readonly snapshot: Snapshot
  /** What this principal sees at an endpoint: all servers, or the one that it serves; `undefined` when there is no such server. */
  readonly at: (server: string | undefined, principal: Principal) => Snapshot | undefined
  /** Finds out what of an endpoint is this principal's alone, within a moment: to be asked before what is `at` it. */
  readonly look: (server: string | undefined, principal: Principal) => Effect.Effect<void>
  /** The server that a name nobody lists would be of, by its prefix, if its lists depend on who asks. */
  readonly personalOf: (server: string | undefined, name: string) => PersonalServing | undefined
  /** Whether there is a server of this name in the manifest. */
  readonly has: (server: string) => boolean
  readonly served: ReadonlyMap<string, Served>
}

/** Something clients may have subscribed to. */
export type Change =
  /** @param to the only principal who sees the difference, as `ownerOf` writes it */
  | { readonly _tag: "Listed"; readonly kinds: ReadonlySet<Kind>; readonly to?: string }
  /** A resource, by its public URI and by that of its server. */
  | { readonly _tag: "Updated"; readonly uri: string; readonly server: string; readonly own: string }
  /** The user has dealt with an address: the notification as the server wrote it. */
  | { readonly _tag: "Elicited"; readonly id: string; readonly text: string }
  /** Of a task of this server: the notification as the server wrote it. */
  | { readonly _tag: "Task"; readonly server: string; readonly id: string; readonly text: string }

export class Catalogue extends Context.Service<Catalogue, {
  readonly current: () => Published
  /**
   * Replaces everything at once and tells the listeners which lists are not what they were.
   * @param announced lists that their server says have changed, whether it shows or not
   */
  readonly publish: (next: Published, announced?: ReadonlySet<Kind>) => Effect.Effect<void>
  /** Tells the listeners of something that is not in the lists: a resource by its public URI, or a task. */
  readonly tell: (change: Change) => void
  /** Calls `listener` at every change until the function it gives is called. */
  readonly onChange: (listener: (change: Change) => void) => () => void
}>()("manifold/catalogue/Catalogue") {
  static readonly layer = Layer.sync(Catalogue, () => {
    const empty = snapshot([], { separator: "__", longest: 64 })
    let current: Published = {
      generation: 0,
      snapshot: empty,
      at: (server) => server === undefined ? empty : undefined,
      look: () => Effect.void,
      personalOf: () => undefined,
      has: () => false,
      served: new Map()
    }
    const listeners = new Set<(change: Change) => void>()
    const tell = (change: Change) => {
      for (const listener of listeners) listener(change)
    }

    return Catalogue.of({
      current: () => current,
      publish: (next, announced) =>
        Effect.sync(() => {
          const before = current.snapshot
          current = next
          const isOther = (kind: Kind) => before.lists[kind].digest !== next.snapshot.lists[kind].digest
          const kinds = new Set(KINDS.filter((kind) => announced?.has(kind) === true || isOther(kind)))
          if (kinds.size > 0) tell({ _tag: "Listed", kinds })
        }),
      tell,
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  })
}
