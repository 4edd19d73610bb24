/**
 * Calls of modern clients that wait for an answer of the user while a legacy backend
 * keeps them open. The client holds a handle that cannot be guessed, is good once and
 * for a while, and for this caller and this call alone; a handle that is lost or spent
 * is said to be, and never runs a tool a second time.
 */
import { Clock, Context, type Deferred, Duration, Effect, type Fiber, Layer, Schedule } from "effect"
import type { Question } from "../backend/Connection.ts"
import type { Principal } from "../plugin/Auth.ts"
import { isSamePrincipal } from "../guard/Principals.ts"
import type { Exchange } from "./Exchange.ts"

/** What a retry has to repeat. */
export interface Identity {
  readonly principal: Principal
  readonly method: string
  /** `params` without the answers, as text. */
  readonly params: string
}

/** A request of the client that waits for what the call says next: questions, or the end. */
export interface Turn {
  /** JSON text. */
  readonly id: string
  readonly exchange: Exchange
  /** JSON text of the progress token of this request. */
  readonly progressToken: string | undefined
  readonly over: Deferred.Deferred<void>
}

export interface Parked {
  readonly identity: Identity
  /** Open questions by the key that the client answers with. */
  readonly questions: Map<string, Question>
  fiber: Fiber.Fiber<unknown> | undefined
  /** None while the call is parked. */
  turn: Turn | undefined
  /** How to end a turn, when the call had ended before the client came back. */
  ending: ((turn: Turn) => void) | undefined
  asked: number
  expires: number
  /** Characters that it holds: its request, and its answer when that is kept. */
  size: number
}

const PREFIX = "manifold."
const LIFE = Duration.minutes(10)
const MOST = 1000
const MOST_PER_PRINCIPAL = 100
/** Most characters that all of them hold. */
const HELD = 64 * 1024 * 1024

export const isHandle = (state: unknown): state is string => typeof state === "string" && state.startsWith(PREFIX)

export class Parking extends Context.Service<Parking, {
  /** Gives the handle, or `undefined` when too many calls wait. */
  readonly park: (call: Parked) => Effect.Effect<string | undefined>
  /** The call of a handle, which is spent by this; `undefined` when it is unknown, over or somebody else's. */
  readonly take: (handle: string, identity: Identity) => Effect.Effect<Parked | undefined>
  /** Whether an answer of this many bytes may be kept for a call until its client comes back. */
  readonly mayKeep: (call: Parked, bytes: number) => boolean
  /** Ends every call that waits: while the gateway stops no client can come back with answers. */
  readonly end: Effect.Effect<void>
  readonly count: () => number
}>()("manifold/mcp/Parking") {
  static readonly layer = Layer.effect(Parking, Effect.gen(function*() {
    const parked = new Map<string, Parked>()

    const ofPrincipal = (principal: Principal) =>
      [...parked.values()].filter(({ identity }) => isSamePrincipal(identity.principal, principal)).length

    const held = () => {
      let sum = 0
      for (const { size } of parked.values()) sum += size
      return sum
    }

    const mayKeep = (call: Parked, bytes: number) => {
      if (held() + bytes > HELD) return false
      call.size += bytes
      return true
    }

    const park = (call: Parked) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const isFull = parked.size >= MOST || ofPrincipal(call.identity.principal) >= MOST_PER_PRINCIPAL
        if (isFull || held() + call.size > HELD) return undefined
        const handle = PREFIX + crypto.randomUUID() + crypto.randomUUID()
        call.expires = now + Duration.toMillis(LIFE)
        parked.set(handle, call)
        return handle
      })

    const take = (handle: string, { method, params, principal }: Identity) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const call = parked.get(handle)
        const own = call?.identity
        const isSame = own?.method === method && own.params === params && isSamePrincipal(own.principal, principal)
        if (call === undefined || !isSame || call.expires <= now) return undefined
        parked.delete(handle)
        return call
      })

    const sweep = Effect.map(Clock.currentTimeMillis, (now) => {
      for (const [handle, call] of parked) {
        if (call.expires > now) continue
        parked.delete(handle)
        call.fiber?.interruptUnsafe()
      }
    })
    yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced("10 seconds")))
    const end = Effect.sync(() => {
      for (const { fiber } of parked.values()) fiber?.interruptUnsafe()
      parked.clear()
    })
    yield* Effect.addFinalizer(() => end)

    return Parking.of({ park, take, mayKeep, end, count: () => parked.size })
  }))
}
