/** Gives a server whose credential is its user's own what serves each user, and takes it away where that is no longer so. */
import { type Duration, Effect, Exit, Scope } from "effect"
import { BackendFailed } from "../backend/BackendFailed.ts"
import type { Catalogue } from "../catalogue/Catalogue.ts"
import type { Kind } from "../catalogue/Definition.ts"
import type { Consents, Invited } from "../guard/Consents.ts"
import type { Forget } from "../guard/Users.ts"
import type { Principal } from "../plugin/Auth.ts"
import { type Managed, offeredBy } from "./Managed.ts"
import { make } from "./Personal.ts"
import { type InstanceServices, start } from "./Starting.ts"

export interface Personalizing {
  readonly server: Managed
  readonly drain: Duration.Duration
  readonly parent: Scope.Scope
  readonly changed: (principal: Principal, kinds: ReadonlySet<Kind>) => void
}

/** @param isAnew whether the server or its strategy is another one than before: what was opened for users is of no use then */
export const personalize = Effect.fnUntraced(function*(
  { changed, drain, parent, server }: Personalizing,
  isAnew: boolean
): Effect.fn.Return<void, never, InstanceServices> {
  const context = yield* Effect.context<InstanceServices>()
  const isPersonal = server.auth?.strategy.consent !== undefined
  if (!isPersonal) return yield* depersonalize(server, parent)
  if (server.personal !== undefined) return yield* isAnew ? server.personal.serving.forget(undefined) : Effect.void
  const scope = yield* Scope.fork(parent)
  const serving = yield* Scope.provide(
    make({
      id: server.id,
      drain,
      strategy: () => server.auth?.strategy,
      shared: () => server.serving?.instance,
      part: (listing, running) => offeredBy(server, listing, running),
      changed,
      start: (principal, onListed, unauthorized) => {
        const own = () => server.auth?.strategy.credential(principal, { id: server.id })
        const { generation, wanted } = server
        return start({ wanted, now: () => server.wanted, generation, parent: scope, publish: () => Effect.void, makeRoom: Effect.void, listed: undefined, own, onListed, unauthorized }).pipe(
          Effect.mapError(({ message }) => new BackendFailed({ backend: server.id, reason: "not_ready", detail: `cannot be started: ${message}` })),
          Effect.provideContext(context)
        )
      }
    }),
    scope
  )
  server.personal = { serving, scope }
})

/** What was opened for users ends, in the background. */
export const depersonalize = (server: Managed, parent: Scope.Scope): Effect.Effect<void> => {
  const { personal } = server
  server.personal = undefined
  return personal === undefined
    ? Effect.void
    : Effect.asVoid(Effect.forkIn(Effect.andThen(personal.serving.forget(undefined), Scope.close(personal.scope, Exit.void)), parent))
}

/** With which credential a server is asked for what everybody sees: the gateway's own if its strategy has one; and where users have theirs, it may have none to show. */
export const askingFor = (server: Managed) => ({
  own: () => server.auth?.strategy.own?.({ id: server.id }),
  unauthorized: () => Effect.succeed(server.auth?.strategy.consent === undefined ? "again" as const : "rest" as const)
})

/** A user has consented: what they see begins anew, and their client hears that it is done. */
export const consented = (catalogue: Catalogue["Service"], server: Managed | undefined, { elicitation, issuer, subject }: Invited): Effect.Effect<void> => {
  const principal = { issuer, subject }
  const personal = server?.personal?.serving
  const again = personal === undefined ? Effect.void : Effect.andThen(personal.forget(principal), personal.look(principal))
  return Effect.ensuring(again, Effect.sync(() => catalogue.tell({ _tag: "Elicited", id: elicitation, text: completed(elicitation) })))
}

const completed = (elicitationId: string): string =>
  JSON.stringify({ jsonrpc: "2.0", method: "notifications/elicitation/complete", params: { elicitationId } })

/** Takes part where users are forgotten: what they granted is taken back at each server's authorization server, and what they saw is gone. */
export const forgetsUsers = (consents: Consents["Service"], servers: ReadonlyMap<string, Managed>): Forget => (who) =>
  Effect.map(
    Effect.forEach(consents.offered(), ([id, consent]) =>
      Effect.andThen(servers.get(id)?.personal?.serving.forget(who) ?? Effect.void, consent.forget(who)), { concurrency: 4 }),
    (counts) => counts.reduce((sum, count) => sum + count, 0)
  )
