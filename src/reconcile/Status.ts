/** What each server should be, what it is, since when and why, and what happens or is to be done next. */
import type { Phase } from "../backend/Instance.ts"

export interface ServerStatus {
  readonly id: string
  readonly type: string
  readonly required: boolean
  readonly wanted: {
    readonly generation: number
    /** Why the wanted form does not serve; absent when it does. */
    readonly problem?: string
  }
  readonly actual: {
    readonly phase: Phase
    /** The generation whose form serves calls; absent when none does. */
    readonly generation?: number
    readonly since: string
    readonly restarts: number
    readonly era?: "modern" | "legacy"
    readonly protocol?: string
    readonly why?: string
  }
  readonly next?: string
  readonly offers: { readonly tools: number; readonly prompts: number; readonly resources: number; readonly templates: number }
  readonly excluded: ReadonlyArray<{ readonly kind: string; readonly name: string; readonly why: string }>
}

export interface GatewayStatus {
  readonly generation: number
  /** Of the manifest: whether the newest one is in force. */
  readonly manifest: { readonly state: "applied" | "rejected"; readonly since: string; readonly problems: ReadonlyArray<string> }
  readonly plugins: ReadonlyArray<string>
  readonly servers: ReadonlyArray<ServerStatus>
}
