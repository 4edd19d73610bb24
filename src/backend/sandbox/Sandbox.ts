/** Puts a server, or what builds one, between it and the machine: what it sees, what it may use, and how much. */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { Sandbox } from "../../manifest/Sandbox.ts"
import type { LoadFailed, Limits } from "../../plugin/Loader.ts"
import type { Command } from "../transport/Stdio.node.ts"

/** The machine has not got what the manifest asks for. */
export class Lacking extends Schema.TaggedError<Lacking>()("Lacking", {
  why: Schema.String,
  /** The remedy. */
  next: Schema.String
}) {
  override get message() {
    return `${this.why} (${this.next})`
  }
}

export interface Asked {
  /** What is being loaded, for messages. */
  readonly source: string
  readonly sandbox: Sandbox
  readonly limits: Limits
  /** Folders and files of its code: seen, and not written unless this builds it. */
  readonly code: ReadonlyArray<string>
  /** Folders that it writes. */
  readonly own: ReadonlyArray<string>
  /** What reaches it from outside: a port of this machine. */
  readonly port?: number
  /** A builder has the network, whatever the server has. */
  readonly isBuilder: boolean
}

export interface Enclosed {
  readonly command: Command
  /** What is really in force, for the status; nothing where nothing is. */
  readonly inForce?: string
}

export class Sandboxes extends Context.Service<Sandboxes, {
  readonly enclose: (command: Command, asked: Asked) => Effect.Effect<Enclosed, Lacking | LoadFailed>
  /** For one run that ends with the scope; what comes after it has been done then. */
  readonly once: (command: Command, asked: Asked) => Effect.Effect<Command, Lacking | LoadFailed, Scope.Scope>
}>()("manifold/backend/sandbox/Sandboxes") {}
