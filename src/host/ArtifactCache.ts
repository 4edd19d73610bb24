/**
 * Prepared artifacts, one folder per digest: `<data>/cache/<sha256 of the digest>`.
 *
 * A folder is filled beside its place and renamed into it, marker and all, so that one which
 * has its name is whole. A second start finds it and needs no network. Its hash is taken anew
 * at each use: what has changed since is set aside, and made again.
 */
import { Context, Effect, FileSystem, Layer, Option, Path, type PlatformError, Schema, Semaphore } from "effect"
import { Loader } from "#plugin"
import { sha256 } from "../lib/Sha256.ts"
import { seal, treeHash, treeLines } from "./Tree.node.ts"

const Marker = Schema.Struct({
  digest: Schema.String,
  source: Schema.String,
  pin: Schema.Record(Schema.String, Schema.String),
  /** Of the artifact, when it was made; nothing where nothing was prepared. */
  tree: Schema.optionalKey(Schema.String)
})
const MarkerJson = Schema.fromJsonString(Marker)

const STALE_AFTER_MS = 24 * 60 * 60 * 1000

export interface Artifact {
  /** What the loader has prepared, or an empty folder where it prepares nothing. */
  readonly directory: string
  /** As asked for, with all that is known of it in the pin. */
  readonly resolved: Loader.Resolved
}

/** One folder of the cache. */
export interface Kept {
  readonly folder: string
  /** Nothing where it is no artifact: what was set aside because it was damaged, or the draft of a killed process. */
  readonly artifact?: { readonly digest: string; readonly source: string }
  /** When it was used last, in milliseconds since 1970. */
  readonly used: number
  readonly bytes: number
}

export class ArtifactCache extends Context.Service<ArtifactCache, {
  readonly prepared: (loader: Loader.Loader, resolved: Loader.Resolved) => Effect.Effect<Artifact, Loader.LoadFailed>
  /** All that is kept. */
  readonly list: Effect.Effect<ReadonlyArray<Kept>, PlatformError.PlatformError>
  /** Takes one away; the next use makes it anew. */
  readonly remove: (kept: Kept) => Effect.Effect<void, PlatformError.PlatformError>
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

      /** Its lines stay beside it, so that it can be said what has changed. */
      const sealed = Effect.fnUntraced(function*(draft: string, directory: string) {
        yield* Effect.tryPromise(() => seal(directory))
        const lines = yield* Effect.tryPromise(() => treeLines(directory))
        yield* files.writeFileString(path.join(draft, TREE), lines.join("\n"), { mode: 0o400 })
        return { tree: treeHash(lines) }
      })

      /** Why a kept artifact cannot be used; nothing for one that is as it was made. */
      const damage = Effect.fnUntraced(function*(home: string, marker: Option.Option<typeof Marker.Type>) {
        if (Option.isNone(marker)) return (yield* Effect.orElseSucceed(files.exists(home), () => false)) ? "its marker cannot be read" : undefined
        if (marker.value.tree === undefined) return undefined
        const lines = yield* Effect.orElseSucceed(Effect.tryPromise(() => treeLines(path.join(home, "artifact"))), () => [])
        if (treeHash(lines) === marker.value.tree) return undefined
        const before = yield* Effect.orElseSucceed(files.readFileString(path.join(home, TREE)), () => "")
        return `${changedBetween(before.split("\n"), lines)} changed since it was made`
      })

      const setAside = Effect.fnUntraced(function*(resolved: Loader.Resolved, home: string, why: string) {
        const aside = path.join(root, `${ASIDE}${path.basename(home)}`)
        yield* Effect.logWarning(`the copy of ${resolved.source} in the cache is not used: ${why}; it is kept in ${aside} and made anew`)
        yield* files.remove(aside, { recursive: true, force: true }).pipe(
          Effect.andThen(files.rename(home, aside)),
          Effect.mapError(failed(resolved))
        )
      })

      const fill = Effect.fnUntraced(function*(loader: Loader.Loader, resolved: Loader.Resolved, home: string) {
        const draft = yield* files.makeTempDirectoryScoped({ directory: root, prefix: DRAFT }).pipe(Effect.mapError(failed(resolved)))
        const directory = path.join(draft, "artifact")
        yield* files.makeDirectory(directory, { mode: 0o700 }).pipe(Effect.mapError(failed(resolved)))

        const learned = (yield* loader.prepare?.(resolved, directory) ?? Effect.void) ?? {}
        const tree = loader.prepare === undefined ? {} : yield* sealed(draft, directory).pipe(Effect.mapError(failed(resolved)))
        const marker = { digest: resolved.digest, source: resolved.source, pin: { ...resolved.pin, ...learned }, ...tree }
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
        const marker = yield* Effect.gen(function*() {
          const found = yield* kept(home)
          const why = yield* damage(home, found)
          if (why !== undefined) yield* setAside(resolved, home, why)
          if (Option.isNone(found) || why !== undefined) return yield* fill(loader, resolved, home)
          yield* agreement(resolved, found.value.pin, home)
          // When it was used last, for those who clean up.
          const now = new Date()
          yield* Effect.ignore(files.utimes(home, now, now))
          return found.value
        }).pipe(oneAtATime(key))
        return { directory: path.join(home, "artifact"), resolved: { ...resolved, pin: { ...marker.pin, ...resolved.pin } } }
      })

      const list = Effect.flatMap(files.readDirectory(root), Effect.forEach(Effect.fnUntraced(function*(name) {
        const folder = path.join(root, name)
        const marker = name.startsWith(DRAFT) || name.startsWith(ASIDE) ? Option.none() : yield* kept(folder)
        const { mtime } = yield* files.stat(folder)
        const inside = yield* files.readDirectory(folder, { recursive: true })
        const sizes = yield* Effect.forEach(inside, (each) => Effect.orElseSucceed(Effect.map(files.stat(path.join(folder, each)), ({ size }) => Number(size)), () => 0))
        return {
          folder,
          ...(Option.isSome(marker) ? { artifact: { digest: marker.value.digest, source: marker.value.source } } : {}),
          used: Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() }),
          bytes: sizes.reduce((sum, size) => sum + size, 0)
        } satisfies Kept
      })))

      const remove = ({ folder }: Kept) => files.remove(folder, { recursive: true, force: true })

      return ArtifactCache.of({ prepared, list, remove })
    }))
}

const DRAFT = ".draft-"
const ASIDE = ".damaged-"
const TREE = "tree.txt"

/** The paths that differ, the first few of them. */
const changedBetween = (before: ReadonlyArray<string>, now: ReadonlyArray<string>): string => {
  const [old, fresh] = [new Set(before), new Set(now)]
  const lines = [...before.filter((line) => !fresh.has(line)), ...now.filter((line) => !old.has(line))]
  const paths = [...new Set(lines.map((line) => /"(?:[^"\\]|\\.)*"/u.exec(line)?.[0] ?? "something"))]
  return paths.length > 3 ? `${paths.slice(0, 3).join(", ")} and ${paths.length - 3} more have` : `${paths.join(", ")} ${paths.length === 1 ? "has" : "have"}`
}

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
