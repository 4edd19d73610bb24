/**
 * `manifold lock`: writes down what each source of the manifest comes to, in manifold.lock beside it; `--check` says
 * whether that is still so, without asking anybody. What is locked stays as it is until it is asked for otherwise.
 */
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { prepared } from "../backend/sandbox/Preparing.ts"
import { demanding } from "../host/Demands.ts"
import { isAnswered, isPinned, standing, writeLock } from "../host/Locks.ts"
import { Registry } from "../host/Registry.ts"
import type { Loaded } from "../manifest/Load.ts"
import { answerIn, entryFor, LOCK_NAME, type LockEntry } from "../manifest/LockFile.ts"
import { set } from "./Check.ts"
import { json } from "./Json.ts"
import { lockBeside, manifest, type Sourced, sourcesOf, withSources } from "./Sources.ts"
import { failed, stop } from "./Stopped.ts"

type Action = "add" | "change" | "keep" | "remove"

interface Outcome {
  readonly id: string
  readonly action: Action
  readonly source: string
  readonly entry: LockEntry | undefined
}

/** What a lock has to say of one source; nothing of one that runs in place. */
const outcomeOf = Effect.fnUntraced(function*(entry: Sourced, before: LockEntry | undefined, { check, update }: { readonly check: boolean; readonly update: boolean }) {
  const registry = yield* Registry
  const { id, source, type } = entry
  const loader = demanding(yield* Effect.flatMap(registry.decode("loader", type, source), ({ build }) => build), entry)
  const known = answerIn(before, entry)
  const answered = known !== undefined && (yield* standing(loader, known)) ? known : undefined
  const isFetched = isAnswered(loader)
  if (isFetched && answered !== undefined && !update) return [{ id, action: "keep", source: answered.source, entry: before } satisfies Outcome]
  // To check asks nobody: what is fetched and not answered is missing, whatever it would come to.
  if (isFetched && check) return [{ id, action: before === undefined ? "add" : "change", source: before?.source ?? type, entry: before } satisfies Outcome]
  const resolved = yield* loader.resolve
  if (!isPinned(loader, resolved)) return []
  const { resolved: made } = check ? { resolved } : yield* prepared(entry, loader, resolved)
  const next = entryFor(entry, made)
  const isSame = before !== undefined && before.digest === next.digest && answered !== undefined
  return [{ id, action: before === undefined ? "add" : isSame ? "keep" : "change", source: made.source, entry: isSame ? before : next } satisfies Outcome]
}, Effect.scoped)

const run = Effect.fnUntraced(function*(loaded: Loaded, input: { readonly check: boolean; readonly update: boolean; readonly json: boolean }) {
  const { file, lock } = yield* lockBeside(loaded)
  const outcomes = yield* Effect.forEach(sourcesOf(loaded.manifest), (entry) =>
    Effect.catch(outcomeOf(entry, lock.sources[entry.id], input), ({ message }) => stop(failed, `${entry.id}: ${message}`)))
  const all: ReadonlyArray<Outcome> = outcomes.flat()
  const gone = Object.entries(lock.sources).filter(([id]) => !all.some((one) => one.id === id))
    .map(([id, { source }]): Outcome => ({ id, action: "remove", source, entry: undefined }))
  const done = [...all, ...gone]
  const isSame = done.every(({ action }) => action === "keep")
  if (!input.check && !isSame) {
    const sources = Object.fromEntries(done.flatMap(({ entry, id }) => entry === undefined ? [] : [[id, entry] as const]))
    yield* writeLock(file, { version: 1, sources }).pipe(Effect.catch(() => stop(failed, `${file} cannot be written`)))
  }
  yield* Console.log(input.json
    ? JSON.stringify({ file, unchanged: isSame, servers: done.map(({ action, id, source }) => ({ id, action, source })) }, null, 2)
    : say(file, done, input.check))
  if (input.check && !isSame) return yield* stop(failed, `${LOCK_NAME} does not fit the manifest: run manifold lock, look at what changed, and commit it`)
})

const WORDS: Readonly<Record<Action, string>> = { add: "+", change: "~", keep: " ", remove: "-" }

const say = (file: string, done: ReadonlyArray<Outcome>, isCheck: boolean): string => [
  ...done.map(({ action, id, source }) => `${WORDS[action]} ${id}  ${source}`),
  done.every(({ action }) => action === "keep") ? `${file} fits` : isCheck ? `${file} does not fit` : `${file} written`
].join("\n")

export const lock = Command.make("lock", {
  manifest,
  check: Flag.Boolean("check").pipe(Flag.withDescription("Write nothing and ask nobody; exit code 1 when the lock file does not fit the manifest"), Flag.withDefault(false)),
  update: Flag.Boolean("update").pipe(Flag.withDescription("Ask anew for everything, also for what is locked already"), Flag.withDefault(false)),
  json,
  set
}, (input) => withSources(input, (loaded) => run(loaded, input))).pipe(
  Command.withDescription(
    "Write down in manifold.lock, beside the manifest, what each source comes to: exact versions, commits and hashes. Commit it: serve then runs exactly that, and with --frozen nothing else"
  ),
  Command.withShortDescription("Write down what each source comes to"),
  Command.withExamples([
    { command: "manifold lock -m manifold.yaml", description: "Lock what is not locked yet, or is asked for otherwise" },
    { command: "manifold lock --check -m manifold.yaml", description: "In CI: exit code 1 when the lock file does not fit" },
    { command: "manifold lock --update -m manifold.yaml", description: "Take newer versions where the manifest allows them" }
  ])
)
