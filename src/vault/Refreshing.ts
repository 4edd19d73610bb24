/**
 * One refresh at a time of one row, over all processes that share the store: whoever holds the lease
 * runs it, the others wait for what it leaves. A holder that dies loses the lease when it runs out.
 * The refresh goes on when its caller is gone: the answer may hold the only copy of a token.
 */
import { Clock, Deferred, Effect, Exit, type Redacted, Schedule, Schema, type Scope } from "effect"
import { type Fresh, RefreshFailed } from "../plugin/Keep.ts"
import { utf8 } from "../lib/Utf8.ts"
import { type Row, type Store, versionAfter } from "../store/Store.ts"
import type { RowChanged } from "../store/StoreFailed.ts"
import type { VaultFailed } from "./KeyRing.ts"
import type { Opened, PutOptions, VaultTable } from "./Row.ts"

export interface Refresh {
  readonly table: VaultTable
  readonly key: string
  /** The version that is to be refreshed; where there is a later one, that is the outcome. */
  readonly seen: number
  readonly refresh: (row: Opened) => Effect.Effect<Fresh, RefreshFailed>
}

export interface Over {
  readonly store: Store["Service"]
  readonly get: (table: VaultTable, key: string) => Effect.Effect<Opened | undefined, VaultFailed>
  readonly put: (table: VaultTable, key: string, value: Redacted.Redacted<string>, options: PutOptions) => Effect.Effect<number, VaultFailed | RowChanged>
  /** What runs here ends with it. */
  readonly scope: Scope.Scope
}

export const LEASES = "leases"
/** After this a holder is taken for dead; it has given up before. */
export const LEASE_MILLIS = 30_000
const LONGEST_MILLIS = 20_000
/** So long a failure is the outcome for those who ask for the same; a server in trouble is not hammered. */
export const FAILURE_MILLIS = 5000
const BETWEEN_LOOKS = "100 millis"
const STORING = { schedule: Schedule.spaced("500 millis"), times: 8 }

const Lease = Schema.Struct({
  seen: Schema.Int,
  failed: Schema.optionalKey(Schema.Struct({ reason: Schema.String, final: Schema.Boolean }))
})
type Lease = typeof Lease.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Lease))
const encode = Schema.encodeSync(Schema.fromJsonString(Lease))

type Outcome = Effect.Effect<Opened, RefreshFailed | VaultFailed>

export const refreshingIn = (over: Over) => {
  const running = new Map<string, Deferred.Deferred<Opened, RefreshFailed | VaultFailed>>()

  return Effect.fn("Vault.refreshing")(function*(ask: Refresh): Effect.fn.Return<Opened, RefreshFailed | VaultFailed> {
    const name = JSON.stringify([ask.table, ask.key, ask.seen])
    const already = running.get(name)
    if (already !== undefined) return yield* Deferred.await(already)
    const outcome = Deferred.makeUnsafe<Opened, RefreshFailed | VaultFailed>()
    running.set(name, outcome)
    const run = Effect.flatMap(Effect.exit(outcomeOf(over, ask)), (exit) => {
      running.delete(name)
      return Deferred.done(outcome, exit)
    })
    yield* Effect.forkIn(Effect.uninterruptible(run), over.scope, { startImmediately: true })
    return yield* Deferred.await(outcome)
  })
}

/** Looks until there is an outcome: a later row, a failure, or the lease. */
const outcomeOf = (over: Over, ask: Refresh): Outcome =>
  Effect.gen(function*() {
    const row = yield* over.get(ask.table, ask.key)
    if (row === undefined) return yield* gone
    if (row.version !== ask.seen) return row
    const held = yield* over.store.get(LEASES, leaseKey(ask))
    const lease = held === undefined ? undefined : leaseIn(held)
    if (lease?.failed !== undefined && lease.seen === ask.seen) return yield* new RefreshFailed(lease.failed)
    if (lease !== undefined && lease.failed === undefined) return undefined
    const taken = yield* write(over, ask, held?.version ?? 0, { seen: ask.seen }, LEASE_MILLIS).pipe(
      Effect.catchTag("RowChanged", () => Effect.undefined)
    )
    return taken === undefined ? undefined : yield* withLease(over, ask, taken)
  }).pipe(
    Effect.repeat({ until: (outcome) => outcome !== undefined, schedule: Schedule.jittered(Schedule.spaced(BETWEEN_LOOKS)) }),
    Effect.flatMap((outcome) => outcome === undefined ? gone : Effect.succeed(outcome))
  )

const gone = new RefreshFailed({ reason: "there is nothing to refresh any more", final: true })

/** With the lease in hand; it is given back whatever comes. */
const withLease = Effect.fnUntraced(function*(over: Over, ask: Refresh, lease: number) {
  const exit = yield* Effect.exit(refreshed(over, ask))
  const error = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
  const failed = error?._tag === "Some" && error.value._tag === "RefreshFailed" ? error.value : undefined
  const end = failed === undefined
    ? over.store.apply([{ table: LEASES, key: leaseKey(ask), replaces: lease }])
    : write(over, ask, lease, { seen: ask.seen, failed: { reason: failed.reason, final: failed.final } }, FAILURE_MILLIS)
  // A lease that cannot be given back runs out.
  yield* Effect.ignore(end)
  return yield* exit
})

const refreshed = Effect.fnUntraced(function*(over: Over, { key, refresh, seen, table }: Refresh) {
  // Somebody may have been through between the first look and the lease.
  const row = yield* over.get(table, key)
  if (row === undefined) return yield* gone
  if (row.version !== seen) return row
  const { value, ...expiry } = yield* refresh(row).pipe(
    Effect.timeoutOrElse({
      duration: LONGEST_MILLIS,
      orElse: () => Effect.fail(new RefreshFailed({ reason: `it took longer than ${LONGEST_MILLIS / 1000} seconds`, final: false }))
    })
  )
  // The new token may be the only one that works: a full disk gets a few moments to be emptied.
  yield* over.put(table, key, value, { ...expiry, replaces: seen }).pipe(
    Effect.retry({ ...STORING, while: ({ _tag }) => _tag === "StoreFailed" }),
    Effect.catchTag("RowChanged", () => Effect.void)
  )
  return (yield* over.get(table, key)) ?? (yield* gone)
})

const leaseKey = ({ key, table }: Refresh) => `${table}/${key}`

/** One that cannot be read is in nobody's hands. */
const leaseIn = ({ value }: Row): Lease | undefined => {
  const lease = decode(utf8.from(value))
  return lease._tag === "Some" ? lease.value : undefined
}

/** Gives the version of the lease as written. */
const write = Effect.fnUntraced(function*(over: Over, ask: Refresh, replaces: number, lease: Lease, millis: number) {
  const now = yield* Clock.currentTimeMillis
  const version = versionAfter({ version: replaces }, now)
  const becomes = { value: utf8.to(encode(lease)), version, written: now, expires: now + millis }
  yield* over.store.apply([{ table: LEASES, key: leaseKey(ask), replaces, becomes }])
  return version
})
