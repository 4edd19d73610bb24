/**
 * What a request brings to say who calls. Read strictly: one header, one scheme, one token. Of the
 * credential itself only its hash leaves the front, but for the one that has to be checked.
 */
import type { Redacted } from "effect"

export type Credentials =
  | { readonly kind: "none"; readonly from: string }
  | { readonly kind: "malformed"; readonly from: string; readonly why: string }
  | Certified
  | Presented

/** A client certificate that one of the manifest's authorities signed (RFC 8446, 4.4.2); the connection was checked when it was made. */
export interface Certified {
  readonly kind: "certificate"
  readonly from: string
  /** Who it was given to: its URI (SPIFFE and others), else its name. */
  readonly subject: string
  /** Who signed it. */
  readonly authority: string
}

export interface Presented {
  readonly kind: "token" | "key"
  /** Whoever connects, for limits on failures. */
  readonly from: string
  /** SHA-256 of the whole secret. */
  readonly hash: string
  readonly secret: Redacted.Redacted<string>
}
