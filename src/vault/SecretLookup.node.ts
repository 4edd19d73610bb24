/**
 * Lends the vault to the manifest. It is opened when something first refers to it and kept open, since
 * a manifest that is followed is read again and again, and its key may come from far away.
 */
import { Context, Effect, Layer, type Redacted } from "effect"
import { SecretLookup, type VaultPlace } from "../manifest/SecretLookup.ts"
import { Vault } from "./Vault.ts"
import { vaultLayer } from "./Vault.node.ts"

export const secretLookup = Layer.effect(SecretLookup, Effect.map(Effect.scope, (scope) => {
  const vaults = new Map<string, Vault["Service"]>()

  const vaultAt = Effect.fnUntraced(function*(place: VaultPlace) {
    const name = JSON.stringify(place)
    const opened = vaults.get(name)
    if (opened !== undefined) return opened
    const vault = Context.get(yield* Layer.buildWithScope(vaultLayer({ ...place, environment: process.env }), scope), Vault)
    vaults.set(name, vault)
    return vault
  })

  return (place, names) =>
    Effect.gen(function*() {
      const vault = yield* vaultAt(place)
      const found = new Map<string, Redacted.Redacted<string>>()
      for (const name of names) {
        const row = yield* vault.get("secrets", name)
        if (row !== undefined) found.set(name, row.value)
      }
      return found
    }).pipe(Effect.mapError(({ message }) => message))
}))
