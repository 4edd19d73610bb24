/** A row of the vault as its users see it. */
import type { Redacted } from "effect"

/** The tables of the vault; each has a sealing key of its own. */
export const VAULT_TABLES = ["secrets", "tokens", "clients", "grants", "signing"] as const
export type VaultTable = typeof VAULT_TABLES[number]

/** A row as it may be listed: everything but what is sealed. Times are milliseconds since 1970. */
export interface Entry {
  readonly key: string
  readonly version: number
  readonly written: number
  readonly expires?: number
}

export interface Opened extends Entry {
  readonly value: Redacted.Redacted<string>
}

export interface PutOptions {
  /** The version that was read, 0 for none; left out, whatever is there is replaced. */
  readonly replaces?: number
  readonly expires?: number
}
