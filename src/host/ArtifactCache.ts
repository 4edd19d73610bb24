/**
 * Prepared artifacts, one folder per digest: `<data>/cache/<sha256 of the digest>`.
 *
 * A folder is filled beside its place and renamed into it, marker and all, so that one which
 * has its name is whole. A second start finds it and needs no network.
 */
import { Context, Effect, FileSystem, Layer, Option, Path, Schema, Semaphore } from "effect"
import { Loader } from "#plugin"
import { sha256 } from "../lib/Sha256.ts"

const Marker = Schema.Struct({
  digest: Schema.String,
  source: Schema.String,
  pin: Schema.Record(Schema.String, Schema.String)
})
const MarkerJson = Schema.fromJsonString(Marker)

const STALE_AFTER_MS = 24 * 60 * 60 * 1000

export interface Artifact {
  /** What the loader has prepared, or an empty folder where it prepares nothing. */
  readonly directory: string
  /** As asked for, with all that is known of it in the pin. */
  readonly resolved: Loader.Resolved
}

export class ArtifactCache extends Context.Service<ArtifactCache, {
  readonly prepared: (loader: Loader.Loader, resolved: Loader.Resolved) => Effect.Effect<Artifact, Loader.LoadFailed>
}>()("manifold/host/ArtifactCache") {
  static readonly layer = (dataDirectory: string) =>
    Layer.effect(ArtifactCache, Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = path.resolve(dataDirectory, "cache")
      const locks = new Map<string, Semaphore.Semaphore>()
      yield* files.makeDirectory(root, { recursive: true, mode: 0o700 })
      yield* removeStale(files, path, root)

      const oneAtATime = (key: string) => {
        const lock = locks.get(key) ?? Semaphore.makeUnsafe(1)
        locks.set(key, lock)
        return lock.withPermit
      }

      const kept = (home: string) =>
        files.readFileString(path.join(home, "marker.json")).pipe(
          Effect.flatMap(Schema.decodeUnknownEffect(MarkerJson)),
          Effect.option
        )

      const fill = Effect.fnUntraced(function*(loader: Loader.Loader, resolved: Loader.Resolved, home: string) {
        const draft = yield* files.makeTempDirectoryScoped({ directory: root, prefix: DRAFT }).pipe(Effect.mapError(failed(resolved)))
        const directory = path.join(draft, "artifact")
        yield* files.makeDirectory(directory, { mode: 0o700 }).pipe(Effect.mapError(failed(resolved)))

        const learned = (yield* loader.prepare?.(resolved, directory) ?? Effect.void) ?? {}
        const marker = { digest: resolved.digest, source: resolved.source, pin: { ...resolved.pin, ...learned } }
        const text = yield* Effect.orDie(Schema.encodeEffect(MarkerJson)(marker))
        yield* files.writeFileString(path.join(draft, "marker.json"), text, { mode: 0o400 }).pipe(
          Effect.andThen(files.chmod(draft, 0o700)),
          Effect.andThen(files.rename(draft, home)),
          // Another process was first: its folder is whole and for the same digest.
          Effect.catch((cause) => Effect.flatMap(kept(home), Option.match({
            onNone: () => Effect.fail(failed(resolved)(cause)),
            onSome: () => Effect.void
          })))
        )
        return marker
      }, Effect.scoped)

      const prepared = Effect.fn("ArtifactCache.prepared")(function*(loader: Loader.Loader, resolved: Loader.Resolved) {
        const key = yield* sha256(resolved.digest)
        const home = path.join(root, key)
        const marker = yield* kept(home).pipe(
          Effect.flatMap(Option.match({
            onNone: () => fill(loader, resolved, home),
            onSome: (found) => Effect.as(agreement(resolved, found.pin, home), found)
          })),
          oneAtATime(key)
        )
        return { directory: path.join(home, "artifact"), resolved: { ...resolved, pin: { ...marker.pin, ...resolved.pin } } }
      })

      return ArtifactCache.of({ prepared })
    }))
}

const DRAFT = ".draft-"

/** What a lock or a manifest demands must be what was kept when the artifact was made. */
const agreement = (resolved: Loader.Resolved, kept: Loader.Pin, home: string) => {
  const odd = Object.entries(resolved.pin ?? {}).find(([key, value]) => kept[key] !== value)
  if (odd === undefined) return Effect.void
  return new Loader.LoadFailed({
    source: resolved.source,
    step: "verify",
    next: `find out why it changed; removing ${home} fetches it again`,
    cause: new Error(`${odd[0]} is ${kept[odd[0]] ?? "unknown"}, expected ${odd[1]}`)
  })
}

/** Drafts of a process that was killed; younger ones may belong to one that still runs. */
const removeStale = Effect.fnUntraced(function*(files: FileSystem.FileSystem, path: Path.Path, root: string) {
  const names = yield* files.readDirectory(root)
  yield* Effect.forEach(names.filter((name) => name.startsWith(DRAFT)), Effect.fnUntraced(function*(name) {
    const draft = path.join(root, name)
    const { mtime } = yield* files.stat(draft)
    const made = Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
    if (Date.now() - made > STALE_AFTER_MS) yield* files.remove(draft, { recursive: true, force: true })
  }, (effect) => Effect.ignore(effect)), { discard: true })
})

const failed = ({ source }: Loader.Resolved) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step: "keep in cache", next: "check the data directory", cause })
