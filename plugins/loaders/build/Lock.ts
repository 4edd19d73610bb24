/**
 * The package-lock.json that a repository carries. npm obeys what stands in it, so it is read first: every package
 * has an integrity, and every folder it names lies in the repository.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { failed, type Wanted } from "./Wanted.ts"

const NAMES = ["npm-shrinkwrap.json", "package-lock.json"]
const OTHERS = ["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]

const LockFile = Schema.fromJsonString(Schema.Struct({
  packages: Schema.Record(Schema.String, Schema.Struct({
    resolved: Schema.optionalKey(Schema.String),
    integrity: Schema.optionalKey(Schema.String),
    link: Schema.optionalKey(Schema.Boolean),
    inBundle: Schema.optionalKey(Schema.Boolean)
  }))
}))

export interface Lock {
  /** The folder to install in: the server's own, or one above it whose workspaces hold it. */
  readonly folder: string
  /** Its path in the repository, for the status. */
  readonly name: string
}

/** The nearest lock that covers the server's folder; nothing where there is none. */
export const lockOf = Effect.fnUntraced(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (let folder = wanted.place; ; folder = path.dirname(folder)) {
    const present = new Set(yield* Effect.orElseSucceed(files.readDirectory(folder), () => []))
    const name = NAMES.find((each) => present.has(each))
    if (name !== undefined) {
      const { packages } = yield* files.readFileString(path.join(folder, name)).pipe(
        Effect.flatMap(Schema.decodeUnknownEffect(LockFile)),
        Effect.mapError(failed(wanted, `read ${name}`, "write it anew: npm install --package-lock-only (npm 7 or newer)"))
      )
      const own = path.relative(folder, wanted.place)
      if (Object.hasOwn(packages, own)) {
        yield* refuseOdd(wanted, packages)
        return { folder, name: path.join(path.relative(wanted.root, folder), name) } satisfies Lock
      }
    }
    if (folder === wanted.root || !folder.startsWith(wanted.root)) return undefined
  }
})

/** The lock of a package manager that is not supported, if there is one. */
export const otherLockOf = Effect.fnUntraced(function*({ place, root }: Wanted) {
  const files = yield* FileSystem.FileSystem
  const present = yield* Effect.forEach([place, root], (folder) => Effect.orElseSucceed(files.readDirectory(folder), () => []))
  return OTHERS.find((name) => present.flat().includes(name))
})

const refuseOdd = Effect.fnUntraced(function*(wanted: Wanted, packages: typeof LockFile.Type["packages"]) {
  const refuse = (text: string) => failed(wanted, "check package-lock.json", "do not use this repository")(new Error(text))
  for (const [place, { inBundle = false, integrity, link = false, resolved = "" }] of Object.entries(packages)) {
    if (isOutside(place) || (link && isOutside(resolved))) return yield* refuse(`${place} lies outside of the repository`)
    if (!place.includes("node_modules/") || link || inBundle) continue
    if (integrity === undefined) return yield* refuse(`${place} has no integrity: it does not come from a registry`)
  }
})

const isOutside = (path: string) => path.startsWith("/") || path.includes("\\") || path.split("/").includes("..")
