/** Which client an id means: one of the manifest, or one that became known as `registration` allows. */
import { Context, Effect, Layer } from "effect"
import { Store } from "../../store/Store.ts"
import type { StoreFailed } from "../../store/StoreFailed.ts"
import type { Client } from "./Client.ts"
import { documents, isDocument } from "./Documents.ts"
import { registeredClient } from "./Registered.ts"
import { type InForce, Terms } from "./Terms.ts"

export class Clients extends Context.Service<Clients, {
  readonly find: (id: string) => Effect.Effect<Client | undefined, StoreFailed>
  /** What it has to prove itself with. One that a document describes proves nothing, so that it is not fetched for that. */
  readonly proofOf: (id: string) => Effect.Effect<Pick<Client, "id" | "secret"> | undefined, StoreFailed>
}>()("manifold/oauth/server/Clients") {
  static readonly layer = Layer.effect(Clients, Effect.gen(function*() {
    const terms = yield* Terms
    const store = yield* Store
    const described = yield* documents

    const known = Effect.fnUntraced(function*<A>(id: string, document: (base: string) => Effect.Effect<A>) {
      const inForce = terms.current()
      const listed = inForce?.clients.find(({ client_id }) => client_id === id)
      if (listed !== undefined) return clientFrom(listed)
      if (inForce?.registration === "cimd" && isDocument(id, inForce.issuer)) return yield* document(inForce.issuer)
      if (inForce?.registration === "dynamic") return yield* Effect.provideService(registeredClient(id), Store, store)
      return undefined
    })

    return Clients.of({
      find: (id) => known(id, (base) => described(id, base)),
      proofOf: (id) => known(id, () => Effect.succeed({ id, secret: undefined }))
    })
  }))
}

const clientFrom = ({ client_id: id, client_name = id, client_secret, redirect_uris }: InForce["clients"][number]): Client => ({
  id,
  name: client_name,
  known: "listed",
  redirectUris: redirect_uris,
  secret: client_secret
})
