/** A gateway in front of the servers of test/fixtures/servers, with what they were sent, and callers that must not notice anything. */
import { Effect, Schedule } from "effect"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { gateway, type GatewayOptions, temporaryDirectory } from "./gateway.ts"
import { session, textOf } from "./wire.ts"

export interface Fixture {
  readonly id: string
  readonly era?: "legacy" | "modern"
  readonly environment?: Readonly<Record<string, string>>
  /** Further keys of the server's entry. */
  readonly entry?: Readonly<Record<string, unknown>>
}

export interface ServerStatus {
  readonly id: string
  readonly actual: {
    readonly phase: string
    readonly restarts: number
    readonly era?: string
    readonly why?: string
    readonly asleep?: true
    readonly calls?: number
    readonly replicas?: ReadonlyArray<{ readonly phase: string; readonly restarts: number; readonly why?: string }>
  }
}

const FOLDER = resolve(import.meta.dirname, "../fixtures/servers")

export const fixtureEntry = ({ entry, environment, era = "legacy", id }: Fixture, recordIn?: string) => ({
  id,
  type: "local",
  command: process.execPath,
  auth_strategy: "bypass_auth",
  config: {
    args: [join(FOLDER, `${era}.mjs`)],
    environment: { ...(recordIn === undefined ? {} : { RECORD: join(recordIn, `${id}.jsonl`) }), ...environment }
  },
  ...entry
})

/** A gateway whose servers are all ready, but for those that `START_AFTER` makes slow. */
export const fixtureGateway = Effect.fnUntraced(function*(fixtures: ReadonlyArray<Fixture>, options: GatewayOptions = {}) {
  const records = yield* Effect.acquireRelease(
    Effect.sync(() => temporaryDirectory("records-")),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const started = yield* gateway({ servers: fixtures.map((fixture) => fixtureEntry(fixture, records)) }, options)
  const base = new URL(started.url).origin
  const awaited = fixtures.filter(({ environment }) => environment?.["START_AFTER"] === undefined).map(({ id }) => id)
  yield* whenReady(base, awaited)
  return {
    ...started,
    base,
    /** What a server has read so far, line by line. */
    received: (id: string): ReadonlyArray<string> => {
      const file = join(records, `${id}.jsonl`)
      return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []
    }
  }
})

export type FixtureGateway = Effect.Success<ReturnType<typeof fixtureGateway>>

export const statusOf = (base: string): Effect.Effect<ReadonlyArray<ServerStatus>> =>
  Effect.promise(async () => {
    const answer = await fetch(`${base}/api/v1/servers`)
    const { servers } = await answer.json() as { readonly servers: ReadonlyArray<ServerStatus> }
    return servers
  })

/** Looks every 50 ms, for 20 seconds, until the condition holds. */
export const eventually = <A>(what: string, look: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  look.pipe(
    Effect.filterOrFail(holds, (value) => `${what}: ${JSON.stringify(value)}`),
    Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 400 }),
    Effect.orDie
  )

export const whenReady = (base: string, ids: ReadonlyArray<string>) =>
  eventually("not ready", statusOf(base), (servers) =>
    ids.every((id) => servers.some((server) => server.id === id && server.actual.phase === "ready")))

/** Runs `work` while someone calls `id` every 20 ms and asks for health: none of it may fail or wait long. */
export const undisturbed = <A, E, R>({ base, url }: FixtureGateway, id: string, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const caller = yield* Effect.promise(() => session(url))
    const canary = Effect.promise(async () => {
      const [answer, health] = await Promise.all([caller.call(`${id}__echo`, { canary: 1 }), fetch(`${base}/health/live`)])
      if (textOf(answer) !== `{"canary":1}` || health.status !== 200) throw new Error(`the canary heard ${answer.text}, health was ${health.status}`)
    })
    const guarded = canary.pipe(Effect.timeout("2 seconds"), Effect.orDie)
    yield* guarded
    const result = yield* Effect.raceFirst(work, Effect.forever(Effect.andThen(guarded, Effect.sleep("20 millis"))))
    yield* guarded
    return result
  })
