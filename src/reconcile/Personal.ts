/**
 * A server whose credential is its user's own: each user has an instance opened with it, and what that lists
 * is for that user alone. It begins with the first look or call after consent, and ends when it is not used.
 */
import { Clock, Deferred, type Duration, Effect, Exit, Schedule, type Scope } from "effect"
import { BackendFailed } from "../backend/BackendFailed.ts"
import type { Instance } from "../backend/Spec.ts"
import type { Kind } from "../catalogue/Definition.ts"
import { type Listing, nothing } from "../catalogue/Listing.ts"
import type { PersonalServing } from "../catalogue/Catalogue.ts"
import type { Part as Offered } from "../catalogue/Snapshot.ts"
import * as Slot from "../lib/Slot.ts"
import type { AuthStrategy, ConsentNeeded, CredentialRefused, Principal } from "../plugin/Auth.ts"
import { ownerOf } from "../guard/Principals.ts"
import { connectTool } from "../catalogue/ConnectTool.ts"
import type { Offered as Offer } from "./Offer.ts"

export interface Personal extends PersonalServing {
  /** What this user sees of the server; nothing while that is not known. */
  readonly partOf: (principal: Principal) => Offered | undefined
  /** Whether this user has yet to consent. */
  readonly needsConsent: (principal: Principal) => boolean
  /** Forgets what is known of this user, or of all: the next look begins anew. */
  readonly forget: (principal: Pick<Principal, "issuer" | "subject"> | undefined) => Effect.Effect<void>
}

/** An instance that one user's credential opened. */
export interface Running {
  readonly instance: Instance
  readonly offer: Offer
  readonly scope: Scope.Closeable
}

interface Own {
  readonly slot: Slot.Slot<Instance>
  running: Running | undefined
  /** What it listed last; kept when the instance has gone. */
  listing: Listing
  needsConsent: boolean
  beginning: Deferred.Deferred<void, Refused> | undefined
  /** Done when it is forgotten: whoever waits for it begins anew. */
  readonly over: Deferred.Deferred<void>
  /** Milliseconds since 1970. */
  lastUsed: number
}

type Refused = BackendFailed | ConsentNeeded | CredentialRefused

export interface PersonalOptions {
  readonly id: string
  readonly drain: Duration.Duration
  readonly strategy: () => AuthStrategy | undefined
  /** The instance that asks nobody's credential, if the server lets it in. */
  readonly shared: () => Instance | undefined
  /** Starts an instance for this user. */
  readonly start: (principal: Principal, onListed: () => Effect.Effect<void>, unauthorized: (failure: BackendFailed) => Effect.Effect<"again" | "rest">) => Effect.Effect<Running, BackendFailed>
  readonly part: (listing: Listing, running: Running | undefined) => Offered
  /** Says that what this user sees is another now. */
  readonly changed: (principal: Principal, kinds: ReadonlySet<Kind>) => void
}

const ALL: ReadonlySet<Kind> = new Set(["tools", "prompts", "resources", "templates"])

/** How long, in milliseconds, an instance stays that nobody uses, and how long the first list or call waits for one to be ready. */
const IDLE = 600_000
const PATIENCE = "15 seconds"
/** Most times that one call begins anew. */
const TRIES = 5
/** Most users of one server that are remembered. */
const MOST = 5000

/** Ends with the scope. */
export const make = Effect.fnUntraced(function*(options: PersonalOptions): Effect.fn.Return<Personal, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const { id } = options
  const owns = new Map<string, Own>()

  const ownOf = (principal: Principal, now: number): Own => {
    const name = ownerOf(principal)
    const own = owns.get(name) ?? {
      slot: Slot.make<Instance>(options.drain, scope),
      running: undefined,
      listing: nothing,
      needsConsent: false,
      beginning: undefined,
      over: Deferred.makeUnsafe<void>(),
      lastUsed: now
    }
    owns.set(name, own)
    own.lastUsed = now
    return own
  }

  const askConsent = (own: Own, principal: Principal) => {
    const isNews = !own.needsConsent
    own.needsConsent = true
    own.listing = nothing
    if (isNews) options.changed(principal, ALL)
  }

  const end = (own: Own) =>
    Effect.suspend(() => {
      own.running = undefined
      return Effect.asVoid(Effect.forkIn(own.slot.vacate, scope))
    })

  const begin = Effect.fnUntraced(function*(own: Own, principal: Principal): Effect.fn.Return<void, Refused> {
    const strategy = options.strategy()
    if (strategy === undefined) return yield* notReady(id, "has no auth strategy now")
    yield* strategy.credential(principal, { id }).pipe(
      Effect.tapError((failure) => Effect.sync(() => failure._tag === "ConsentNeeded" ? askConsent(own, principal) : undefined))
    )
    const refused = Deferred.makeUnsafe<never, Refused>()
    let tries = 0
    /** The token may have been revoked since, or may too little: the strategy says whether there is another. */
    const another = ({ scopes = [], status }: BackendFailed): Effect.Effect<void, Refused> =>
      strategy.rejected?.(principal, { status: status === 403 ? 403 : 401, scopes }) ?? notReady(id, "did not take its user's credential")
    const unauthorized = (failure: BackendFailed) =>
      Effect.match(another(failure), {
        onSuccess: () => tries++ < 2 ? "again" as const : "rest" as const,
        onFailure: (failure) => {
          if (failure._tag === "ConsentNeeded") askConsent(own, principal)
          Deferred.doneUnsafe(refused, Exit.fail(failure))
          return "rest" as const
        }
      })
    const onListed = () => Effect.sync(() => listed(own, principal))
    const running = yield* options.start(principal, onListed, unauthorized)
    yield* own.slot.replace(running.instance, running.scope)
    own.running = running
    const forgotten = Effect.andThen(Deferred.await(own.over), notReady(id, "is another one now"))
    yield* Effect.raceFirst(Effect.raceFirst(running.instance.ready, Deferred.await(refused)), forgotten).pipe(
      Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => notReady(id, running.instance.state().why ?? "is still starting for this user") }),
      Effect.tapError((failure) => failure._tag === "BackendFailed" && !isOver(own) ? Effect.void : end(own))
    )
    if (running.instance.opened() === undefined) {
      yield* end(own)
      return yield* notReady(id, running.instance.state().why ?? "did not take its user's credential")
    }
    own.needsConsent = false
    listed(own, principal)
  })

  const listed = (own: Own, principal: Principal) => {
    if (own.running === undefined) return
    own.listing = own.running.offer.listing()
    options.changed(principal, ALL)
  }

  /** Many calls of one user are one beginning. */
  const begun = (own: Own, principal: Principal): Effect.Effect<void, Refused> =>
    Effect.suspend(() => {
      if (own.running?.instance.opened() !== undefined) return Effect.void
      if (own.beginning !== undefined) return Deferred.await(own.beginning)
      const done = Deferred.makeUnsafe<void, Refused>()
      own.beginning = done
      const settled = (exit: Exit.Exit<void, Refused>) => Effect.sync(() => {
        own.beginning = undefined
        Deferred.doneUnsafe(done, exit)
      })
      const work = own.running === undefined ? begin(own, principal) : waiting(own.running)
      return Effect.andThen(Effect.forkIn(Effect.onExit(work, settled), scope), Deferred.await(done))
    })

  const waiting = ({ instance }: Running) =>
    Effect.andThen(instance.recovered, Effect.suspend(() =>
      instance.opened() === undefined ? notReady(id, instance.state().why ?? "is not running now") : Effect.void))

  /** What is forgotten meanwhile, since its server or strategy is another one, begins anew. */
  const slotFor: Personal["slotFor"] = Effect.fnUntraced(function*(principal: Principal) {
    for (let tries = 1; ; tries++) {
      const own = ownOf(principal, yield* Clock.currentTimeMillis)
      const outcome = yield* Effect.exit(begun(own, principal))
      if (isOver(own) && tries < TRIES) continue
      yield* outcome
      return own.slot
    }
  })

  const look = Effect.fnUntraced(function*(principal: Principal) {
    const known = owns.get(ownerOf(principal))
    const isKnown = known !== undefined && (known.needsConsent || known.listing !== nothing || known.running !== undefined)
    if (isKnown && known.beginning === undefined) return
    yield* Effect.ignore(slotFor(principal))
  })

  const forget = (principal: Pick<Principal, "issuer" | "subject"> | undefined) =>
    Effect.forEach([...owns], ([name, own]) => {
      if (principal !== undefined && name !== ownerOf(principal)) return Effect.void
      owns.delete(name)
      Deferred.doneUnsafe(own.over, Exit.void)
      return end(own)
    }, { discard: true })

  const sweep = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.forEach([...owns], ([name, own]) => {
      const isIdle = now - own.lastUsed > IDLE
      if (isIdle && (own.needsConsent || owns.size > MOST)) owns.delete(name)
      return isIdle && own.running !== undefined ? end(own) : Effect.void
    }, { discard: true }))
  yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced("1 minute")))

  return {
    isShared: () => options.shared()?.opened() !== undefined,
    slotFor,
    look,
    current: (principal) => owns.get(ownerOf(principal))?.slot.current(),
    needsConsent: (principal) => owns.get(ownerOf(principal))?.needsConsent === true,
    partOf: (principal) => {
      const own = owns.get(ownerOf(principal))
      if (own === undefined) return undefined
      return own.needsConsent ? options.part(connectTool(id), undefined) : options.part(own.listing, own.running)
    },
    forget
  }
})

const isOver = ({ over }: Own): boolean => Deferred.isDoneUnsafe(over)

const notReady = (backend: string, detail: string) => Effect.fail(new BackendFailed({ backend, reason: "not_ready", detail }))
