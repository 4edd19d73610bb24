/**
 * Remembers which processes the gateway started, so that the next start can end
 * what a killed gateway left behind. A record names process and owner by pid and
 * start time, since pids alone are used again.
 */
import { Context } from "effect"

export class Children extends Context.Service<Children, {
  /** Written before the child does anything of use. */
  readonly remember: (pid: number, server: string) => void
  readonly forget: (pid: number) => void
}>()("manifold/backend/transport/Children") {}
