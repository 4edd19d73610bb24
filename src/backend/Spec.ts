/** What an instance is made from, and what it says of itself. */
import type { Effect, Scope } from "effect"
import type { LoadFailed } from "../plugin/Loader.ts"
import type { BackendFailed } from "./BackendFailed.ts"
import type { Opened, Target } from "./Opened.ts"
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
  /** What to do when the server lets nobody in without another credential: rest until somebody brings one, or try again. */
  readonly unauthorized?: (failure: BackendFailed) => Effect.Effect<"rest" | "again">
}
