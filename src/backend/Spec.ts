/** What an instance is made from, what it says of itself, and what it can be asked for. */
import type { Effect, Scope } from "effect"
import type { LoadFailed } from "../plugin/Loader.ts"
import type { BackendFailed } from "./BackendFailed.ts"
import type { Connection } from "./Connection.ts"
import type { Health } from "./Health.ts"
import type { Follower } from "./Held.ts"
import type { Opened, Target } from "./Opened.ts"
import type { Party } from "./Party.ts"
import type { Topics } from "./Subscriptions.ts"

export type Phase = "idle" | "resolving" | "preparing" | "starting" | "ready" | "degraded" | "failed" | "draining" | "stopped"

export interface State {
  readonly phase: Phase
  /** Milliseconds since 1970. */
  readonly since: number
  readonly why?: string
  /** What happens next or what to do. */
  readonly next?: string
  readonly restarts: number
  /** Its restart budget is spent and it has not been ready since: now it is tried now and then only. */
  readonly isGivenUp?: true
  /** It serves each user on a conversation of their own, and has none to show. */
  readonly isResting?: true
  /** Nobody used it: it is stopped, or being started again for a call, and calls wait for it. */
  readonly isAsleep?: true
}

export interface Spec {
  readonly id: string
  /** Whether everybody shares one state; where not, the first conversation is there for the lists alone. */
  readonly isShared: boolean
  /** Resolves and prepares; announces which of the two it is doing. */
  readonly target: (announce: (phase: "resolving" | "preparing") => void) => Effect.Effect<Target, LoadFailed, Scope.Scope>
  /** Runs before the instance counts as ready: reads what the server offers. */
  readonly welcome: (opened: Opened) => Effect.Effect<void, BackendFailed>
  readonly notified: (method: string, text: string) => void
  /** What clients want to hear about, in the server's own words. */
  readonly watched: () => Topics
  /** The level that a legacy server's log messages are wanted at. */
  readonly logLevel: () => string | undefined
  readonly changed: (state: State) => void
  /** How it is asked whether it still answers; absent where it is not. */
  readonly health?: (() => Health) | undefined
  /** What to do when the server lets nobody in without another credential: rest until somebody brings one, or try again. */
  readonly unauthorized?: (failure: BackendFailed) => Effect.Effect<"rest" | "again">
}

export interface Instance {
  readonly id: string
  readonly state: () => State
  readonly opened: () => Opened | undefined
  /** The connection that serves this party without a conversation of its own. */
  readonly direct: (party: Party) => Connection | undefined
  /** The connection on which this party is served, held until the scope closes. */
  readonly lease: (party: Party) => Effect.Effect<Connection, BackendFailed, Scope.Scope>
  /** Hears of a resource on the party's own conversation until that ends. */
  readonly follow: (party: Party, follower: Follower) => Effect.Effect<void, BackendFailed>
  /** Ends what this sharer holds. */
  readonly over: (sharer: string) => void
  /** Sends a notification without parameters on what this sharer holds. */
  readonly tell: (sharer: string, method: string) => void
  /** What it is used for right now; nothing while it does not run. */
  readonly use: () => Use | undefined
  /** Waits until calls can be served again, for as long as it has just gone; of a long outage callers hear at once. */
  readonly recovered: Effect.Effect<void>
  /** Waits for the first time it is ready, however many attempts that takes. */
  readonly ready: Effect.Effect<void>
  /** Looks at `logLevel` again. */
  readonly relevel: () => void
  /** Looks at `watched` again. */
  readonly rewatch: () => void
  /** Waits, for a moment, until the server tells what is `watched`. */
  readonly hears: Effect.Effect<void>
  /** Tries again now, whatever the backoff says. */
  readonly retryNow: Effect.Effect<void>
  /** Stops it, unless somebody needs it, until somebody does. */
  readonly doze: (why: string) => Effect.Effect<void>
  /** Starts it again, if it sleeps; says whether it did. */
  readonly wake: () => boolean
  /** Where there are several: all of them, and the one that takes a call. */
  readonly replicas?: ReadonlyArray<Instance>
  readonly replicaFor?: (taking: Taking) => Replica
}

export interface Use {
  /** How many calls it has been given on its first conversation. */
  readonly calls: number
  /** Calls that it is busy with, on any. */
  readonly inFlight: number
  /** Whether somebody waits for it, listens to it or has a conversation of their own with it. */
  readonly isNeeded: boolean
}

/** What of a call says which replica takes it. */
export interface Taking {
  /** Who calls. */
  readonly owner: string
  /** With whom the caller shares a conversation; nothing where everybody shares. */
  readonly sharer: string | undefined
  /** The one that it is about, as that of a task. */
  readonly replica?: number | undefined
  /** What one of them wants back with the answers to its questions. */
  readonly state?: string | undefined
}

/** The replica that takes one call. */
export interface Replica {
  readonly index: number
  readonly instance: Instance
  /** To be called when the call begins; gives what is to be called at its end. */
  readonly began: () => () => void
  /** It asked, and this comes back with the answers. */
  readonly keep: (state: string) => void
}
