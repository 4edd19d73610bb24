/** `manifold outdated`: what newer versions there are of what is locked; it changes nothing. */
import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { demanding } from "../host/Demands.ts"
import { isAnswered } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import type { Loaded } from "../manifest/Load.ts"
import { answerIn, type LockFile } from "../manifest/LockFile.ts"
import type { Resolved } from "../plugin/Loader.ts"
import { set } from "./Check.ts"
import { json } from "./Json.ts"
import { columns } from "./Layout.ts"
import { lockBeside, manifest, type Sourced, sourcesOf, withSources } from "./Sources.ts"
import { failed, Stopped } from "./Stopped.ts"

interface Known {
  readonly id: string
  /** What the lock file says; nothing where it has no answer to what the manifest asks. */
  readonly locked?: string
  /** What `manifold lock --update` would take. */
  readonly allowed?: string
  /** What there would be if the manifest named no version. */
  readonly newest?: string
  readonly isOutdated: boolean
  readonly problem?: string
}

/** The keys by which a manifest holds a source to one version. */
const HELD_BY = ["version", "commit"]

const asked = Effect.fnUntraced(function*(entry: Sourced) {
  const registry = yield* Registry
  const loader = demanding(yield* Effect.flatMap(registry.decode("loader", entry.type, entry.source), ({ build }) => build), entry)
  return isAnswered(loader) ? Option.some(yield* loader.resolve) : Option.none<Resolved>()
}, Effect.scoped)

/** Nothing of a source that is not fetched. */
const known = Effect.fnUntraced(function*(entry: Sourced, lock: LockFile): Effect.fn.Return<ReadonlyArray<Known>, never, Registry> {
  const { id, source } = entry
  const before = answerIn(lock.sources[id], entry)
  const locked = before === undefined ? {} : { locked: before.source }
  const found = yield* Effect.result(asked(entry))
  if (found._tag === "Failure") return [{ id, ...locked, isOutdated: false, problem: found.failure.message }]
  if (Option.isNone(found.success)) return []
  const allowed = found.success.value
  const free = Object.fromEntries(Object.entries(source).filter(([key]) => !HELD_BY.includes(key)))
  const isHeld = Object.keys(free).length < Object.keys(source).length
  // A loader that wants a version says so; then there is nothing to add.
  const newest = isHeld ? Option.flatten(yield* Effect.option(asked({ ...entry, source: free }))) : Option.some(allowed)
  return [{
    id,
    ...locked,
    allowed: allowed.source,
    ...(Option.isSome(newest) ? { newest: newest.value.source } : {}),
    isOutdated: before?.digest !== allowed.digest || (Option.isSome(newest) && newest.value.digest !== allowed.digest)
  }]
})

const run = Effect.fnUntraced(function*(loaded: Loaded, { json }: { readonly json: boolean }) {
  const { lock } = yield* lockBeside(loaded)
  const all = (yield* Effect.forEach(sourcesOf(loaded.manifest), (entry) => known(entry, lock))).flat()
  yield* Console.log(json ? JSON.stringify({ servers: all }, null, 2) : say(all))
  if (all.some(({ problem }) => problem !== undefined)) return yield* new Stopped({ code: failed })
})

const say = (all: ReadonlyArray<Known>): string => {
  const rows = all.filter(({ isOutdated, problem }) => isOutdated || problem !== undefined)
  if (rows.length === 0) return `all ${all.length} sources are the newest`
  return columns([
    ["SERVER", "LOCKED", "ALLOWED", "NEWEST"],
    ...rows.map(({ allowed, id, locked, newest, problem }) => [id, locked ?? "-", problem ?? allowed ?? "-", newest ?? "-"])
  ]).join("\n")
}

export const outdated = Command.make("outdated", {
  manifest,
  json,
  set
}, (input) => withSources(input, (loaded) => run(loaded, input))).pipe(
  Command.withDescription(
    "Ask each registry and repository what newer versions there are: those that the manifest allows, which manifold lock --update takes, and the newest of all, for which the manifest has to be changed. Changes nothing. Exit code 1 when one cannot be asked"
  ),
  Command.withShortDescription("Say what newer versions there are"),
  Command.withExamples([{ command: "manifold outdated -m manifold.yaml", description: "What is locked, and what could be" }])
)
