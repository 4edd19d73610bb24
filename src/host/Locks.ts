/**
 * What each source came to when it was asked. With a lock file beside the manifest that is the answer, and it is
 * only read here; without one the answers are kept in the data directory, so that a restart runs the same again.
 */
import { Context, Effect, FileSystem, Layer, Option, Path, Schema, Semaphore } from "effect"
import { answerIn, emptyLock, entryFor, LOCK_NAME, LockFile, lockText, type Question } from "../manifest/LockFile.ts"
import { LoadFailed, type Loader, type Resolved } from "../plugin/Loader.ts"

/** The lock file is there and cannot be used. */
export class LockRefused extends Schema.TaggedError<LockRefused>()("LockRefused", { file: Schema.String, reason: Schema.String }) {
  override get message() {
    return `${this.file} ${this.reason}`
  }
}

export interface LocksOptions {
  /** Folder of the manifest. */
  readonly directory: string
  readonly dataDirectory: string
  /** Whether nothing may run that the lock file does not say. */
  readonly frozen: boolean
}

export class Locks extends Context.Service<Locks, {
  /** What a source came to; asked now, where that is not known. */
  readonly answer: (id: string, question: Question, loader: Loader) => Effect.Effect<Resolved, LoadFailed>
  /** What the lock file answers; nothing where there is none, or it has no answer. */
  readonly locked: (id: string, question: Question) => Effect.Effect<Resolved | undefined>
  /** Digests of all that is locked, or that this data directory runs without a lock. */
  readonly digests: Effect.Effect<ReadonlySet<string>>
  /** Changes when what is locked does. */
  readonly stamp: Effect.Effect<string>
  /** Keeps what else is known of it once it is prepared. */
  readonly keep: (id: string, question: Question, resolved: Resolved) => Effect.Effect<void>
  /** Fails where the lock file cannot be used, or is missing though nothing may run without it. */
  readonly check: Effect.Effect<void, LockRefused>
}>()("manifold/host/Locks") {
  static readonly layer = ({ dataDirectory, directory, frozen }: LocksOptions) =>
    Layer.effect(Locks, Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const file = path.join(directory, LOCK_NAME)
      const own = path.join(dataDirectory, "resolved.json")
      const writing = Semaphore.makeUnsafe(1)

      const read = (at: string) => readLock(at).pipe(Effect.provideService(FileSystem.FileSystem, files))
      /** Read anew each time: a deploy replaces it with the manifest. */
      const locked = Effect.catch(read(file), (refused) => Effect.as(Effect.logError(refused.message), undefined))
      const kept = Effect.map(Effect.orElseSucceed(read(own), () => undefined), (found) => found ?? emptyLock)

      const answer = Effect.fn("Locks.answer")(function*(id: string, question: Question, loader: Loader) {
        const lock = yield* locked
        const found = answerIn((lock ?? (yield* kept)).sources[id], question)
        const why = lock?.sources[id] === undefined ? "it is not in the lock file"
          : found === undefined ? "the manifest asks for something else than the lock file answers" : "what it is described by has changed since the lock file was written"
        const isFetched = isAnswered(loader)
        if (found !== undefined && isFetched && (yield* standing(loader, found))) return found
        if (frozen && isFetched) return yield* drifted(id, why)
        const resolved = yield* loader.resolve
        if (!isPinned(loader, resolved)) return resolved
        // What runs in place is what it is; it can only be held against what it was.
        if (found !== undefined && found.digest === resolved.digest) return found
        if (frozen) return yield* drifted(id, found === undefined ? why : "it has changed since the lock file was written")
        if (lock !== undefined) yield* Effect.logWarning(`${found === undefined ? "not" : "changed since it was"} in ${LOCK_NAME}: ${resolved.source} runs; run manifold lock`)
        return resolved
      })

      const keep = Effect.fnUntraced(function*(id: string, question: Question, resolved: Resolved) {
        // A lock file is written by `manifold lock` and nobody else.
        if (resolved.pin === undefined || (yield* locked) !== undefined) return
        const before = yield* kept
        if (answerIn(before.sources[id], question)?.digest === resolved.digest) return
        yield* writeLock(own, { version: 1, sources: { ...before.sources, [id]: entryFor(question, resolved) } }).pipe(
          Effect.provideService(FileSystem.FileSystem, files),
          Effect.catch((cause) => Effect.logWarning(`what ${resolved.source} came to could not be kept`, cause))
        )
      }, writing.withPermit)

      const check = Effect.flatMap(read(file), (lock) =>
        lock === undefined && frozen ? new LockRefused({ file, reason: "is missing, and --frozen runs nothing without it: write it with manifold lock" }) : Effect.void)

      return Locks.of({
        answer,
        locked: (id, question) => Effect.map(locked, (lock) => answerIn(lock?.sources[id], question)),
        digests: Effect.map(Effect.all([locked, kept]), ([lock = emptyLock, own]) =>
          new Set([...Object.values(lock.sources), ...Object.values(own.sources)].map(({ digest }) => digest))),
        stamp: Effect.map(locked, (lock) => lock === undefined ? "" : lockText(lock)),
        keep,
        check
      })
    }))
}

/** Whether an answer that is known stands for the source, so that nobody is asked again. */
export const isAnswered = ({ follows = false, prepare }: Loader): boolean => prepare !== undefined && !follows

/** Whether an answer of before is one still. */
export const standing = (loader: Loader, answer: Resolved): Effect.Effect<boolean> => loader.stands?.(answer) ?? Effect.succeed(true)

/** Whether an answer says something that another machine could go by. */
export const isPinned = (loader: Loader, { pin }: Resolved): boolean => isAnswered(loader) || pin !== undefined

const drifted = (id: string, why: string) =>
  new LoadFailed({ source: id, step: "run it as locked", next: "run manifold lock, look at what changed, and commit it", cause: new Error(why) })

/** Nothing where there is no such file. */
export const readLock = Effect.fnUntraced(function*(file: string): Effect.fn.Return<LockFile | undefined, LockRefused, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.option(files.readFileString(file))
  if (Option.isNone(text)) return undefined
  const decoded = Schema.decodeUnknownOption(Schema.fromJsonString(LockFile))(text.value)
  return Option.isSome(decoded) ? decoded.value : yield* new LockRefused({ file, reason: "is no lock file of this version; write it anew with manifold lock" })
})

/** The whole file or none of it, whenever the process stops. */
export const writeLock = Effect.fnUntraced(function*(file: string, lock: LockFile) {
  const files = yield* FileSystem.FileSystem
  const draft = `${file}.${crypto.randomUUID().slice(0, 8)}.draft`
  yield* files.writeFileString(draft, lockText(lock))
  yield* files.rename(draft, file)
})
