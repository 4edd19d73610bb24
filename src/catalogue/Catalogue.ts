/**
 * What can be called right now: the snapshot of all definitions and the servers
 * behind it, published together in one assignment. Readers only read.
 */
import { Context, Effect, Layer } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Sharing } from "../backend/Party.ts"
import type { Instance } from "../backend/Spec.ts"
import type { Access } from "../guard/Access.ts"
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
  /** The same, if there is one now. */
  readonly current: (principal: Principal) => Instance | undefined
  /** Finds out what this user sees of it. */
  readonly look: (principal: Principal) => Effect.Effect<void>
}

/** A server as calls use it. */
export interface Served {
  readonly id: string
  readonly slot: Slot<Instance>
  readonly strategy: AuthStrategy
  /** As the manifest names it. */
  readonly strategyName: string
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
  /** The same without what is this principal's alone; the same function for as long as it gives the same. */
  readonly shared: (server: string | undefined, principal: Principal) => Snapshot | undefined
  /** Finds out what of an endpoint is this principal's alone, within a moment: to be asked before what is `at` it. */
  readonly look: (server: string | undefined, principal: Principal) => Effect.Effect<void>
  /** The server that a name nobody lists would be of, by its prefix, if its lists depend on who asks. */
  readonly personalOf: (server: string | undefined, name: string, principal: Principal) => PersonalServing | undefined
  /** Whether there is a server of this name in the manifest. */
  readonly has: (server: string) => boolean
  /** The rules that decide calls, and that `at` follows from; absent where everything is allowed. */
  readonly access?: Access | undefined
  readonly served: ReadonlyMap<string, Served>
}

/** What a server says has changed of its own. */
export interface Announced {
  readonly server: string
  readonly kinds: ReadonlySet<Kind>
}

/** Something clients may have subscribed to. */
export type Change =
  | { readonly _tag: "Listed"; readonly kindsFor: (server: string | undefined, principal: Principal) => ReadonlySet<Kind> }
  /** A resource, by its public URI and by that of its server. */
  | { readonly _tag: "Updated"; readonly uri: string; readonly server: string; readonly own: string }
  /** The user has dealt with an address: the notification as the server wrote it. */
  | { readonly _tag: "Elicited"; readonly id: string; readonly text: string }
  /** Of a task of this server: the notification as the server wrote it. */
  | { readonly _tag: "Task"; readonly server: string; readonly replica: number | undefined; readonly id: string; readonly text: string }

export class Catalogue extends Context.Service<Catalogue, {
  readonly current: () => Published
  /**
   * Replaces everything at once and tells the listeners which lists are not what they were.
   * @param announced lists that their server says have changed, whether it shows or not
   */
  readonly publish: (next: Published, announced?: Announced) => Effect.Effect<void>
  /** Tells the listeners of something that is not in the lists: a resource by its public URI, or a task. */
  readonly tell: (change: Change) => void
  /** Calls `listener` at every change until the function it gives is called. */
  readonly onChange: (listener: (change: Change) => void) => () => void
}>()("manifold/catalogue/Catalogue") {
  static readonly layer = Layer.sync(Catalogue, () => {
    const empty = snapshot([], { separator: "__", longest: 64 })
    const at = (server: string | undefined) => server === undefined ? empty : undefined
    let current: Published = {
      generation: 0,
      snapshot: empty,
      at,
      shared: at,
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
          const before = current
          current = next
          if (before.access !== undefined || next.access !== undefined) {
            const isSame = before.shared === next.shared && announced === undefined
            return isSame ? undefined : tell({ _tag: "Listed", kindsFor: changedFor(before, next, announced) })
          }
          const kinds = changed(before.snapshot, next.snapshot, announced?.kinds)
          if (kinds.size > 0) tell({ _tag: "Listed", kindsFor: () => kinds })
        }),
      tell,
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    })
  })
}

const changed = (before: Snapshot, after: Snapshot, announced?: ReadonlySet<Kind>): ReadonlySet<Kind> =>
  new Set(KINDS.filter((kind) => announced?.has(kind) === true || before.lists[kind].digest !== after.lists[kind].digest))

/** Where not everybody sees the same: of a change that does not show to somebody, that one does not hear. */
const changedFor = (before: Published, after: Published, announced: Announced | undefined) => {
  const said = new Map<string, ReadonlySet<Kind>>()
  const compare = (server: string | undefined, principal: Principal) => {
    // What is somebody's alone is told to that one when it changes.
    const [old, now] = [before.shared(server, principal), after.shared(server, principal)]
    if (old === undefined || now === undefined) return old === now ? NOTHING : EVERYTHING
    const isSeen = announced !== undefined && after.access?.sightOf(principal).sees(announced.server) !== false
    return changed(old, now, isSeen ? announced.kinds : NOTHING)
  }
  return (server: string | undefined, principal: Principal) => {
    const sights = [before, after].map(({ access }) => access?.sightOf(principal).key ?? "")
    const key = JSON.stringify([server, ...sights])
    const kinds = said.get(key) ?? compare(server, principal)
    said.set(key, kinds)
    return kinds
  }
}

const NOTHING: ReadonlySet<Kind> = new Set()
const EVERYTHING: ReadonlySet<Kind> = new Set(KINDS)
