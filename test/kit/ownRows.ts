/** What a strategy is lent for its server in tests: rows of a vault in memory, and addresses of a gateway that is not there. */
import { Context, Effect, Layer } from "effect"
import { Auth, Keep, Signer, SignIns } from "#plugin"
import { Store } from "../../src/store/Store.ts"
import { keepFor } from "../../src/vault/Keeping.ts"
import { Vault } from "../../src/vault/Vault.ts"
import { heldKey, keyOf, vaultOver } from "./vault.ts"

export const RETURN_ADDRESS = "http://127.0.0.1:18998/oauth/callback/files"

/** Each time a vault of its own. */
export const ownRows = Effect.fnUntraced(function*(resource?: string) {
  const store = Context.get(yield* Layer.build(Layer.fresh(Store.memory)), Store)
  const vault = Context.get(yield* vaultOver(store, heldKey({ bytes: keyOf(1) })), Vault)
  const server = { id: "files", returnAddress: () => RETURN_ADDRESS, clientAddress: () => "http://127.0.0.1:18998/oauth/clients/files" }
  return Context.make(Auth.Server, { ...server, ...resource === undefined ? {} : { resource } }).pipe(
    Context.add(Keep.Keep, keepFor(vault, server.id)),
    Context.add(SignIns.SignIns, SignIns.nobody),
    Context.add(Signer.Signer, Signer.nobody)
  )
})
