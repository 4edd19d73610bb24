/** Which client an id means: one of the manifest, or one that became known as `registration` allows. */
import { Context, Effect, Layer } from "effect"
import { Store } from "../../store/Store.ts"
import type { StoreFailed } from "../../store/StoreFailed.ts"
import type { Client } from "./Client.ts"
import { documents, isDocument } from "./Documents.ts"
import { registeredClient } from "./Registered.ts"
import { Terms } from "./Terms.ts"

export class Clients extends Context.Service<Clients, {
  readonly find: (id: string) => Effect.Effect<Client | undefined, StoreFailed>
}>()("manifold/oauth/server/Clients") {
  static readonly layer = Layer.effect(Clients, Effect.gen(function*() {
    const terms = yield* Terms
    const store = yield* Store
    const described = yield* documents

    return Clients.of({
      find: Effect.fnUntraced(function*(id): Effect.fn.Return<Client | undefined, StoreFailed> {
        const inForce = terms.current()
        const listed = inForce?.clients.find(({ client_id }) => client_id === id)
        if (listed !== undefined) {
          const { client_name = id, client_secret, redirect_uris } = listed
          return { id, name: client_name, known: "listed", redirectUris: redirect_uris, secret: client_secret }
        }
        if (inForce?.registration === "cimd" && isDocument(id, inForce.issuer)) return yield* described(id, inForce.issuer)
        if (inForce?.registration === "dynamic") return yield* Effect.provideService(registeredClient(id), Store, store)
        return undefined
      })
    })
  }))
}
