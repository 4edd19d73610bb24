/**
 * Where `${secret:name}` is looked up. The vault stands on the manifest's own `hosting`, so it is
 * lent to the manifest from above; who lends nothing has no secrets.
 */
import { Context, Effect, type Redacted } from "effect"
import type { Hosting } from "./Hosting.ts"

/** The vault that a manifest describes. */
export interface VaultPlace {
  /** The manifest's folder. */
  readonly directory: string
  readonly dataDirectory: string
  readonly vault: typeof Hosting.Type["vault"]
}

/** Those of the names that there are, or a sentence on why the vault stays shut. */
export type Lookup = (
  place: VaultPlace,
  names: ReadonlyArray<string>
) => Effect.Effect<ReadonlyMap<string, Redacted.Redacted<string>>, string>

export const SecretLookup = Context.Reference<Lookup>("manifold/manifest/SecretLookup", {
  defaultValue: () => () => Effect.fail("there is no vault here to look up secrets in")
})
