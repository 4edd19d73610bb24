/** The credential for what is asked at a backend beside calls, such as lists: the gateway's own or a user's, kept fresh for as long as the backend runs. */
import { Effect, Schedule, type Scope } from "effect"
import type { Target } from "../backend/Opened.ts"
import type { Credential } from "../plugin/Auth.ts"
import { LoadFailed } from "../plugin/Loader.ts"
import { revealed } from "../router/Revealed.ts"

/** How often it is looked at; the strategy itself knows when there is need for another. */
const LOOK = Schedule.spaced("15 seconds")

/** Where such a credential comes from; nothing where none is sent. */
export type Ask = Effect.Effect<Credential, { readonly message: string }> | undefined

/** The target with that credential; one that is reached over HTTP only. */
export const withOwn = Effect.fnUntraced(function*(
  server: string,
  target: Target,
  ask: Ask
): Effect.fn.Return<Target, LoadFailed, Scope.Scope> {
  if (ask === undefined || target._tag === "Stdio" || target._tag === "WebSocket") return target
  const first = yield* Effect.mapError(ask, (cause) => new LoadFailed({ source: server, step: "get the credential to ask for its lists", cause }))
  let current = revealed(first)
  const renew = Effect.ignore(Effect.map(ask, (credential) => {
    current = revealed(credential)
  }))
  yield* Effect.forkScoped(Effect.delay(Effect.repeat(renew, LOOK), "15 seconds"))
  const http = target._tag === "Http" ? target : target.http
  const reached = { ...http, endpoint: { ...http.endpoint, own: () => current } }
  return target._tag === "Http" ? reached : { ...target, http: reached }
})
