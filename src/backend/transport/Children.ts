/**
 * Remembers which processes the gateway started, so that the next start can end
 * what a killed gateway left behind. A record names process and owner by pid and
 * start time, since pids alone are used again.
 */
import { Context, type Effect } from "effect"

/** What runs after a process, such as what removes its container. Its environment is written down, and has no secrets. */
export interface After {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}

export interface Child {
  readonly server: string
  /** What all that comes from it has in its environment. */
  readonly mark: string
  readonly after: ReadonlyArray<After>
}

export class Children extends Context.Service<Children, {
  /** Written before the child does anything of use. */
  readonly remember: (pid: number, child: Child) => void
  /** Runs what comes after it. */
  readonly forget: (pid: number) => Effect.Effect<void>
}>()("manifold/backend/transport/Children") {}
