/** Whose calls share a conversation with a backend: what a client can be asked, its credential, and who it is where the manifest says so. */
import type { Question } from "./Connection.ts"

/** Who shares a backend's state. */
export type Sharing = "shared" | "per_principal" | "per_session"

export interface Party {
  /** Calls with the same text share; `undefined` where everybody does, `ALONE` for a call that shares with none. */
  readonly sharer: string | undefined
  /** Who answers for it; its limit counts what it holds. */
  readonly principal: string
  /** JSON text of the capabilities to declare to a legacy backend; `{}` for a client that cannot be asked. */
  readonly capabilities: string
  /** The credential, revealed for the wire. */
  readonly headers: Readonly<Record<string, string>>
  /** Asks the client outside of any call; says whether it has a way to. */
  readonly standing?: ((question: Question) => boolean) | undefined
}

/** The sharer of a call that belongs to no session where each session has a conversation of its own. */
export const ALONE = ""

export const NO_HEADERS: Readonly<Record<string, string>> = {}

/** Equal for parties that may share, whole values in it and no digests. */
export const keyOf = ({ capabilities, headers, sharer }: Party): string =>
  JSON.stringify([sharer ?? null, capabilities, Object.entries(headers).sort()])
