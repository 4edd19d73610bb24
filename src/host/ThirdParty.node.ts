/**
 * A third-party plugin is a file beside the manifest or an npm package.
 *
 * Its revision is a hash of the contents: the same contents are not imported twice, and changed
 * ones are a new module. Node never frees the memory of the old one.
 */
import { createHash } from "node:crypto"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Plugin } from "#plugin"
import { ArtifactCache } from "./ArtifactCache.ts"
import { fileSpecifier, importPlugin, packageSpecifier } from "./Hooks.node.ts"
import { Locks } from "./Locks.ts"
import { fromPlain, isPlain } from "./Plain.ts"
import { type BuildNpm, type PluginEntry, PluginRefused, ThirdParty } from "./ThirdParty.ts"

const WRONG_EXPORT = "its default export is neither Plugin.define(...) nor { apiVersion: 1, kind, name, config, start }"

export const thirdPartyLayer = Layer.effect(ThirdParty, Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = yield* ArtifactCache
  const host = yield* Plugin.Host
  const locks = yield* Locks

  const findFile = Effect.fnUntraced(function*(entry: PluginEntry) {
    const file = yield* files.realPath(path.resolve(host.directory, entry.use)).pipe(
      Effect.mapError(refused(entry, "no such file"))
    )
    const contents = yield* files.readFile(file).pipe(Effect.mapError(refused(entry, "the file cannot be read")))
    const integrity = `sha512-${createHash("sha512").update(contents).digest("base64")}`
    if (entry.integrity !== undefined && entry.integrity !== integrity) {
      return yield* refused(entry, `integrity is ${integrity}, expected ${entry.integrity}`)()
    }
    const revision = createHash("sha256").update(file).update(contents).digest("hex").slice(0, 16)
    return { revision, plugins: imported(entry, revision, (rev) => fileSpecifier(file, rev)) }
  })

  const findPackage = Effect.fnUntraced(function*(entry: PluginEntry, npm: BuildNpm) {
    const { use: name, version, integrity } = entry
    if (version === undefined) return yield* refused(entry, "a package needs an exact `version`")()

    const question = { type: "npm", source: { package: name, version } }
    const id = `plugin ${name}`
    const { directory, resolved } = yield* npm(question.source).pipe(
      Effect.flatMap((loader) =>
        locks.answer(id, question, loader).pipe(
          Effect.map((answer) => integrity === undefined ? answer : { ...answer, pin: { ...answer.pin, integrity } }),
          Effect.flatMap((answer) => cache.prepared(loader, answer))
        )
      ),
      Effect.tap((artifact) => locks.keep(id, question, artifact.resolved)),
      Effect.scoped,
      Effect.mapError((cause) => refused(entry, cause.message)(cause))
    )
    const revision = createHash("sha256").update(JSON.stringify(resolved)).digest("hex").slice(0, 16)
    return { revision, plugins: imported(entry, revision, (rev) => packageSpecifier(name, directory, rev)) }
  })

  const isFile = ({ use }: PluginEntry) => use.startsWith(".") || path.isAbsolute(use)

  return ThirdParty.of({
    find: Effect.fn("ThirdParty.find")((entry: PluginEntry, npm: BuildNpm) =>
      isFile(entry) ? findFile(entry) : findPackage(entry, npm)
    )
  })
}))

/** Node remembers a module that failed, so that the next try at the same revision needs another name. */
const tries = new Map<string, number>()

const imported = Effect.fnUntraced(
  function*(entry: PluginEntry, revision: string, specifierFor: (revision: string) => string) {
    const count = tries.get(revision) ?? 0
    const specifier = specifierFor(count === 0 ? revision : `${revision}.${count}`)
    const module = yield* Effect.tryPromise({
      try: () => importPlugin(specifier),
      catch: (cause) => refused(entry, `its code failed: ${cause instanceof Error ? cause.message : cause}`)(cause)
    }).pipe(
      Effect.timeoutOrElse({
        duration: "30 seconds",
        orElse: () => Effect.fail(refused(entry, "its code did not finish loading within 30 seconds")())
      }),
      Effect.tapError(() => Effect.sync(() => tries.set(revision, count + 1)))
    )
    const exported: ReadonlyArray<unknown> = Array.isArray(module.default) ? module.default : [module.default]
    return yield* Effect.forEach(exported, (value) => {
      if (Plugin.isPlugin(value)) return Effect.succeed(value)
      if (isPlain(value)) return Effect.succeed(fromPlain(value))
      return Effect.fail(refused(entry, WRONG_EXPORT)())
    })
  }
)

const refused = ({ use }: PluginEntry, reason: string) => (cause?: unknown) => new PluginRefused({ use, reason, cause })
