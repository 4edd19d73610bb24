/**
 * What one instance offers, kept up to date: read in full when it starts, and the
 * lists it says have changed read again, one reading at a time.
 */
import { Effect, Schedule, Semaphore } from "effect"
import type { BackendFailed } from "../backend/BackendFailed.ts"
import type { Opened } from "../backend/Opened.ts"
import type { Instance } from "../backend/Spec.ts"
import type { Kind } from "../catalogue/Definition.ts"
import { KINDS, type Listing, nothing, read } from "../catalogue/Listing.ts"

/** What is offered right now. */
export interface Offered {
  readonly listing: () => Listing
  readonly capabilities: () => Readonly<Record<string, unknown>>
  readonly instructions: () => string | undefined
}

export interface Offer extends Offered {
  readonly start: (opened: Opened) => Effect.Effect<void, BackendFailed>
  /** Reads what a notification says has changed; does nothing for other notifications. */
  readonly renew: (method: string) => Effect.Effect<void>
}

const RENEWED: ReadonlyMap<string, ReadonlyArray<Kind>> = new Map([
  ["notifications/tools/list_changed", ["tools"]],
  ["notifications/prompts/list_changed", ["prompts"]],
  ["notifications/resources/list_changed", ["resources", "templates"]]
])

/** Most definitions that are named in the log when they are left out. */
const SAID = 20

/**
 * @param renewed runs after lists have been read again
 * @param listed what is offered until the instance has been asked
 */
export const make = (
  id: string,
  hiddenText: "refuse" | "allow",
  renewed: (kinds: ReadonlySet<Kind>) => Effect.Effect<void>,
  listed: Listing = nothing
): Offer => {
  const lock = Semaphore.makeUnsafe(1)
  const dirty = new Set<Kind>()
  let listing = listed
  let opened: Opened | undefined
  /** The conversation to read lists on; none while a new one begins. */
  let current: Opened | undefined

  const start = Effect.fnUntraced(function*(started: Opened) {
    current = undefined
    dirty.clear()
    listing = yield* read(id, started, hiddenText)
    opened = started
    current = started
    for (const { kind, name, why } of listing.excluded.slice(0, SAID)) {
      yield* Effect.logWarning(`left out of the catalogue: ${kind} ${name} ${why}`)
    }
    const unsaid = listing.excluded.length - SAID
    if (unsaid > 0) yield* Effect.logWarning(`left out of the catalogue: ${unsaid} more; manifold status names them`)
    yield* renewDirty
  })

  /** Announcements that come while a reading runs are one more reading, however many they are. */
  const renewDirty = Effect.gen(function*() {
    if (dirty.size === 0 || current === undefined) return
    const kinds = KINDS.filter((kind) => dirty.has(kind))
    dirty.clear()
    listing = yield* read(id, current, hiddenText, listing, kinds).pipe(
      Effect.retry({ schedule: Schedule.exponential("200 millis"), times: 3 })
    )
    yield* renewed(new Set(kinds))
    // A server that announces a change at every look is looked at five times a second at most.
    yield* Effect.sleep("200 millis")
  }).pipe(
    Effect.catch((failure) => Effect.logWarning(`kept its last lists: ${failure.message}`)),
    lock.withPermit
  )

  return {
    listing: () => listing,
    capabilities: () => opened?.handshake.capabilities ?? {},
    instructions: () => opened?.handshake.instructions,
    start,
    renew: (method) =>
      Effect.suspend(() => {
        const kinds = RENEWED.get(method)
        if (kinds === undefined) return Effect.void
        // What is dirty already has a reading that waits for its turn.
        const isNews = kinds.some((kind) => !dirty.has(kind))
        for (const kind of kinds) dirty.add(kind)
        return isNews ? renewDirty : Effect.void
      })
  }
}

/** What several of one kind offer: what the first of them does that runs, and where none runs the one that did last. */
export const firstOf = (all: ReadonlyArray<{ readonly instance: Pick<Instance, "opened">; readonly offer: Offer }>): Offered => {
  let last = all[0]
  const current = () => last = all.find(({ instance }) => instance.opened() !== undefined) ?? last
  return {
    listing: () => current()?.offer.listing() ?? nothing,
    capabilities: () => current()?.offer.capabilities() ?? {},
    instructions: () => current()?.offer.instructions()
  }
}
