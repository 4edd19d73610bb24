/** What is kept here of users who leave: what clients may do for them, the browsers that they signed in with, and what that gave. */
import { Effect, Layer } from "effect"
import { Users } from "../guard/Users.ts"
import { Store } from "../store/Store.ts"
import { forgetSignIn } from "../vault/SignIns.ts"
import { Vault } from "../vault/Vault.ts"
import { endAllOf } from "./browser/Sessions.ts"
import { endFor } from "./server/Grants.ts"

export const forgetting = Layer.effectDiscard(Effect.gen(function*() {
  const users = yield* Users
  const context = yield* Effect.context<Store | Vault>()
  const stops = [
    users.keeps("clients that may act for them", (who) => Effect.provideContext(endFor(undefined, who), context)),
    users.keeps("browsers that they signed in with", (who) => Effect.provideContext(endAllOf(who), context)),
    users.keeps("what their issuer gave", (who) => Effect.provideContext(forgetSignIn(who), context))
  ]
  yield* Effect.addFinalizer(() => Effect.sync(() => stops.forEach((stop) => stop())))
}))
