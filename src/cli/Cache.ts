/** `manifold cache list|prune`: what is kept of what was fetched and built, and room made where nothing needs it. */
import { Clock, Console, Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { ArtifactCache, type Kept } from "../host/ArtifactCache.ts"
import { Locks } from "../host/Locks.ts"
import { DurationText } from "../lib/Span.ts"
import { set } from "./Check.ts"
import { json } from "./Json.ts"
import { ago, columns } from "./Layout.ts"
import { manifest, withSources } from "./Sources.ts"
import { failed, stop } from "./Stopped.ts"

interface Found extends Kept {
  readonly isNeeded: boolean
}

const found = Effect.gen(function*() {
  const cache = yield* ArtifactCache
  const needed = yield* (yield* Locks).digests
  const all = yield* Effect.catch(cache.list, ({ message }) => stop(failed, message))
  return all.map((kept): Found => ({ ...kept, isNeeded: kept.artifact !== undefined && needed.has(kept.artifact.digest) }))
    .toSorted((one, other) => sourceOf(one) < sourceOf(other) ? -1 : 1)
})

const sourceOf = ({ artifact }: Kept): string => artifact?.source ?? "what is left of something damaged or unfinished"

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`

const total = (all: ReadonlyArray<Kept>): number => all.reduce((sum, { bytes }) => sum + bytes, 0)

const shown = ({ bytes, folder, isNeeded, used, ...kept }: Found) =>
  ({ source: sourceOf({ bytes, folder, used, ...kept }), folder, bytes, used: new Date(used).toISOString(), needed: isNeeded })

const say = (all: ReadonlyArray<Found>, now: number): ReadonlyArray<string> =>
  all.length === 0 ? [] : columns([
    ["SOURCE", "SIZE", "USED", "NEEDED"],
    ...all.map((kept) => [sourceOf(kept), mebibytes(kept.bytes), ago(new Date(kept.used).toISOString(), now), kept.isNeeded ? "yes" : "no"])
  ])

const list = Command.make("list", { manifest, json, set }, (input) =>
  withSources(input, () => Effect.gen(function*() {
    const all = yield* found
    const now = yield* Clock.currentTimeMillis
    yield* Console.log(input.json
      ? JSON.stringify({ artifacts: all.map(shown) }, null, 2)
      : [...say(all, now), `${all.length} kept, ${mebibytes(total(all))}`].join("\n"))
  }))).pipe(
    Command.withDescription("Show what is kept in the data directory of what was fetched and built, and whether the lock file or the gateway's own record needs it"),
    Command.withShortDescription("Show what is kept")
  )

const prune = Command.make("prune", {
  manifest,
  unused: Flag.String("unused").pipe(
    Flag.withSchema(DurationText),
    Flag.withMetavar("SPAN"),
    Flag.withDescription("Only what nothing has used for this long; 7 days unless told, so that nothing goes that a gateway runs now"),
    Flag.withDefault(Duration.days(7))
  ),
  dryRun: Flag.Boolean("dry-run").pipe(Flag.withDescription("Say what would go, and leave it"), Flag.withDefault(false)),
  json,
  set
}, (input) =>
  withSources(input, () => Effect.gen(function*() {
    const cache = yield* ArtifactCache
    const now = yield* Clock.currentTimeMillis
    const goes = (yield* found).filter(({ isNeeded, used }) => !isNeeded && now - used >= Duration.toMillis(input.unused))
    if (!input.dryRun) yield* Effect.forEach(goes, (each) => Effect.catch(cache.remove(each), ({ message }) => stop(failed, message)), { discard: true })
    yield* Console.log(input.json
      ? JSON.stringify({ removed: goes.map(shown), bytes: total(goes), dryRun: input.dryRun }, null, 2)
      : [...say(goes, now), `${goes.length} ${input.dryRun ? "would go" : "removed"}, ${mebibytes(total(goes))}`].join("\n"))
  }))).pipe(
    Command.withDescription("Remove what was fetched and built and is needed no more: what neither the lock file nor the gateway's own record names, and nothing has used for a while. What is needed again is made again"),
    Command.withShortDescription("Remove what is needed no more"),
    Command.withExamples([
      { command: "manifold cache prune --dry-run -m manifold.yaml", description: "See what would go" },
      { command: "manifold cache prune --unused 1h -m manifold.yaml", description: "Make room now" }
    ])
  )

export const cache = Command.make("cache").pipe(
  Command.withDescription("What is kept of what was fetched and built"),
  Command.withSubcommands([list, prune])
)
