/** A client that users can let in: how it became known says how much of what it says of itself is checked. */
import type { Redacted } from "effect"

export interface Client {
  readonly id: string
  readonly name: string
  /** Listed in the manifest, described by a document at its id, or registered by itself. */
  readonly known: "listed" | "document" | "registered"
  readonly redirectUris: ReadonlyArray<string>
  /** Only of one that can keep it. */
  readonly secret: Redacted.Redacted<string> | undefined
}
