/** The gateway's own credential at a backend, for what it asks on its own account: kept fresh for as long as the backend runs. */
import { Effect, Schedule, type Scope } from "effect"
import type { Target } from "../backend/Opened.ts"
import type { AuthStrategy } from "../plugin/Auth.ts"
import { LoadFailed } from "../plugin/Loader.ts"
import { revealed } from "../router/Revealed.ts"

/** How often it is looked at; the strategy itself knows when there is need for another. */
const LOOK = Schedule.spaced("15 seconds")

/** The target with that credential; one that is reached over HTTP only, and whose strategy has one. */
export const withOwn = Effect.fnUntraced(function*(
  server: string,
  target: Target,
  strategy: () => AuthStrategy | undefined
): Effect.fn.Return<Target, LoadFailed, Scope.Scope> {
  const ask = Effect.suspend(() => strategy()?.own?.({ id: server }) ?? Effect.succeed({ headers: {} }))
  if (strategy()?.own === undefined || target._tag === "Stdio" || target._tag === "WebSocket") return target
  const first = yield* Effect.mapError(ask, (cause) => new LoadFailed({ source: server, step: "get the gateway's own credential", cause }))
  let current = revealed(first)
  const renew = Effect.ignore(Effect.map(ask, (credential) => {
    current = revealed(credential)
  }))
  yield* Effect.forkScoped(Effect.delay(Effect.repeat(renew, LOOK), "15 seconds"))
  const http = target._tag === "Http" ? target : target.http
  const reached = { ...http, endpoint: { ...http.endpoint, own: () => current } }
  return target._tag === "Http" ? reached : { ...target, http: reached }
})
