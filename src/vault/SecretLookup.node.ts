/** Lends the vault to the manifest: opened for the names that are asked for, and closed again. */
import { Context, Effect, Layer, type Redacted } from "effect"
import { type Lookup, SecretLookup } from "../manifest/SecretLookup.ts"
import { Vault } from "./Vault.ts"
import { vaultLayer } from "./Vault.node.ts"

const lookup: Lookup = (place, names) =>
  Effect.gen(function*() {
    const vault = Context.get(yield* Layer.build(vaultLayer({ ...place, environment: process.env })), Vault)
    const found = new Map<string, Redacted.Redacted<string>>()
    for (const name of names) {
      const row = yield* vault.get("secrets", name)
      if (row !== undefined) found.set(name, row.value)
    }
    return found
  }).pipe(Effect.scoped, Effect.mapError(({ message }) => message))

export const secretLookup = Layer.succeed(SecretLookup, lookup)
