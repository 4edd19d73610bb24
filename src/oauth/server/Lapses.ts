/** Ends what clients were given for a server's endpoint when its own authorization server takes back what it gave: they authorize anew. */
import { Effect, Layer } from "effect"
import { Base } from "../../guard/Base.ts"
import { Consents } from "../../guard/Consents.ts"
import { serverPath } from "../../manifest/Hosting.ts"
import { Store } from "../../store/Store.ts"
import { endFor } from "./Grants.ts"

export const lapses = Layer.effectDiscard(Effect.gen(function*() {
  const base = yield* Base
  const consents = yield* Consents
  const fork = Effect.runForkWith(yield* Effect.context<Store>())
  const stop = consents.onLapsed(({ principal, server }) =>
    fork(Effect.catch(endFor(base.current() + serverPath(server), principal), ({ message }) => Effect.logWarning(message))))
  yield* Effect.addFinalizer(() => Effect.sync(stop))
}))
