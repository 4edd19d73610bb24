/** Forgets a user: whoever keeps something for users takes part, so that nothing of one who has left stays behind. */
import { Context, Effect, Layer } from "effect"
import type { Principal } from "../plugin/Auth.ts"

export type Who = Pick<Principal, "issuer" | "subject">

export interface Forgotten {
  /** What it was, in a word or two, and how much of it. */
  readonly kept: Readonly<Record<string, number>>
  /** What could not be forgotten, and why; to ask again tries again. */
  readonly problems: ReadonlyArray<string>
}

/** Gives how much there was. */
export type Forget = (who: Who) => Effect.Effect<number, { readonly message: string }>

export class Users extends Context.Service<Users, {
  /** Takes part from now on, under a name for what is kept; gives how to take that back. */
  readonly keeps: (what: string, forget: Forget) => () => void
  readonly forget: (who: Who) => Effect.Effect<Forgotten>
}>()("manifold/guard/Users") {
  static readonly layer = Layer.sync(Users, () => {
    const keepers = new Map<string, Forget>()

    const forget = Effect.fn("Users.forget")(function*(who: Who) {
      const kept: Record<string, number> = {}
      const problems: Array<string> = []
      for (const [what, forgetOne] of keepers) {
        const outcome = yield* Effect.result(forgetOne(who))
        if (outcome._tag === "Success") kept[what] = outcome.success
        else problems.push(`${what}: ${outcome.failure.message}`)
      }
      yield* Effect.logInfo("a user was forgotten", { ...who, ...kept })
      return { kept, problems }
    })

    return Users.of({
      keeps: (what, forgetOne) => {
        keepers.set(what, forgetOne)
        return () => keepers.get(what) === forgetOne ? keepers.delete(what) : false
      },
      forget
    })
  })
}
