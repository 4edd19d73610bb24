/** One conversation beside the first: who has it, who hears of what on it, and whether it may go. */
import { Deferred, type Scope } from "effect"
import { isRecord } from "../lib/Record.ts"
import type { BackendFailed } from "./BackendFailed.ts"
import type { Opened } from "./Opened.ts"
import type { Party } from "./Party.ts"
import type { Watch } from "./Watch.ts"

export interface Held {
  readonly key: string
  readonly principal: string
  readonly isExclusive: boolean
  readonly sharer: string | undefined
  readonly opened: Deferred.Deferred<Opened, BackendFailed>
  readonly ended: Deferred.Deferred<void>
  readonly scope: Scope.Closeable
  /** Once it is open. */
  open: Opened | undefined
  watch: Watch | undefined
  users: number
  /** How many hear of resources on it. */
  followed: number
  /** Who hears of which resource. */
  readonly followers: Map<string, Set<() => void>>
  /** Milliseconds since 1970. */
  lastUsed: number
  standing: Party["standing"]
}

export const heldFor = ({ isExclusive, key, lastUsed, party: { principal, sharer, standing }, scope, users }: {
  readonly party: Party
  readonly key: string
  readonly isExclusive: boolean
  readonly lastUsed: number
  readonly users: number
  readonly scope: Scope.Closeable
}): Held => ({
  key,
  principal,
  sharer,
  isExclusive,
  opened: Deferred.makeUnsafe(),
  ended: Deferred.makeUnsafe(),
  scope,
  open: undefined,
  watch: undefined,
  users,
  followed: 0,
  followers: new Map(),
  lastUsed,
  standing
})

export const isIdle = ({ followed, users }: Held): boolean => users === 0 && followed === 0

/** Somebody who wants to hear of a resource. */
export interface Follower {
  /** The server's own URI. */
  readonly uri: string
  readonly heard: () => void
  /** Called when the server has been told. */
  readonly began: () => void
}

/** Adds one who hears of a resource; gives how to take that back. */
export const followOn = (held: Held, { heard, uri }: Follower): () => void => {
  const followers = held.followers.get(uri) ?? new Set()
  held.followers.set(uri, followers.add(heard))
  wantOn(held)
  return () => {
    followers.delete(heard)
    if (followers.size === 0) held.followers.delete(uri)
    wantOn(held)
  }
}

const wantOn = ({ followers, watch }: Held): void => watch?.topics({ resources: new Set(followers.keys()), tasks: new Set() })

export const tellFollowers = ({ followers }: Held, text: string): void => {
  const message: unknown = JSON.parse(text)
  const params = isRecord(message) ? message["params"] : undefined
  const uri = isRecord(params) ? params["uri"] : undefined
  if (typeof uri === "string") followers.get(uri)?.forEach((heard) => heard())
}

/** Lists change for all; where the state is one's own, what changes in it is heard from its conversation alone. */
export const isHeard = (method: string, sharer: string | undefined): boolean =>
  method === "notifications/elicitation/complete" || (sharer !== undefined && method.endsWith("/list_changed"))

/** A question that a call left behind must not become another principal's. */
export const isDoubtful = ({ isExclusive, open, sharer }: Held): boolean =>
  isExclusive && sharer === undefined && open?.connection.hasAbandoned === true
