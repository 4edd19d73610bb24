/**
 * What it takes to open a conversation with a backend, and what one is when it is open.
 */
import type { Effect, Scope } from "effect"
import type { BackendFailed } from "./BackendFailed.ts"
import type { Connection, Observer } from "./Connection.ts"
import type { Era } from "./Era.ts"
import type { Handshake } from "./Handshake.ts"
import type { Children } from "./transport/Children.ts"
import type { Endpoint } from "./transport/Http.node.ts"
import type { Command, SpawnFailed } from "./transport/Stdio.node.ts"

export type Target =
  | { readonly _tag: "Stdio"; readonly command: Command }
  | HttpTarget
  | { readonly _tag: "WebSocket"; readonly endpoint: Endpoint }
  /** A child that serves HTTP on a port of its own. */
  | { readonly _tag: "Served"; readonly command: Command; readonly http: HttpTarget }

export interface HttpTarget {
  readonly _tag: "Http"
  readonly endpoint: Endpoint
  readonly transport: "auto" | "streamable_http" | "sse"
}

export interface Opening {
  readonly backend: string
  readonly target: Target
  readonly observer: Observer
  /** JSON text of the client capabilities to declare to a legacy backend. */
  readonly capabilities: string
  /** The era this very artifact spoke before; asked for first. */
  readonly remembered: Era | undefined
  readonly log: (line: string) => void
}

export interface Opened {
  readonly connection: Connection
  readonly handshake: Handshake
  /** How to have more conversations; absent where none is ever needed (2026-07-28 over HTTP has no state). */
  readonly further?: Further
}

export type OpenEffect = Effect.Effect<Opened, BackendFailed | SpawnFailed, Scope.Scope | Children>

export interface Further {
  readonly open: (opening: FurtherOpening) => OpenEffect
  /** Whether a question says which call it belongs to, by its stream or as that call's result. */
  readonly tellsCalls: boolean
  /** Whether each is a process of its own, with a state of its own. */
  readonly isProcess: boolean
}

export interface FurtherOpening {
  readonly observer: Observer
  /** JSON text of the client capabilities to declare to a legacy backend. */
  readonly capabilities: string
  /** The credential that the conversation is opened with; over HTTP and WebSocket. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether somebody listens to what belongs to no call. */
  readonly isHeard: boolean
}
