/** What the lock file of a Python repository says (uv.lock, poetry.lock, pylock.toml): which versions, and which hashes their files may have. */
import { Effect, FileSystem, Option, Path, Result, Schema } from "effect"
import { Toml } from "effect/encoding"
import { normal } from "./Names.ts"

export interface Locked {
  /** The name of the file, for the status. */
  readonly name: string
  /** One line `name==version` for each package that has one version. */
  readonly constraints: string
  /** Of every file of a package, `sha256:...`. */
  readonly hashesOf: (name: string) => ReadonlySet<string>
}

const NAMES = ["pylock.toml", "uv.lock", "poetry.lock"]

const File = Schema.Struct({
  hash: Schema.optionalKey(Schema.String),
  hashes: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})
const Package = Schema.Struct({
  name: Schema.String,
  version: Schema.optionalKey(Schema.String),
  wheels: Schema.optionalKey(Schema.Array(File)),
  files: Schema.optionalKey(Schema.Array(File))
})
const decode = Schema.decodeUnknownOption(Schema.Union([
  Schema.Struct({ package: Schema.Array(Package) }),
  Schema.Struct({ packages: Schema.Array(Package) })
]))

/** Nothing where the folder has none that can be read. */
export const lockedIn = Effect.fnUntraced(function*(folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of NAMES) {
    const text = yield* Effect.option(files.readFileString(path.join(folder, name)))
    const parsed = Option.flatMap(text, (toml) => Result.match(Toml.parse(toml), { onSuccess: decode, onFailure: () => Option.none() }))
    if (Option.isSome(parsed)) return lockedBy(name, "package" in parsed.value ? parsed.value.package : parsed.value.packages)
  }
  return undefined
})

const lockedBy = (name: string, packages: ReadonlyArray<typeof Package.Type>): Locked => {
  // The repository's own package has no files.
  const foreign = packages.filter(({ files = [], wheels = [] }) => files.length + wheels.length > 0)
  const versionsOf = (each: string) => new Set(foreign.flatMap((one) => normal(one.name) === each && one.version !== undefined ? [one.version] : []))
  const names = [...new Set(foreign.map((one) => normal(one.name)))]
  return {
    name,
    constraints: names.flatMap((each) => {
      const [version, another] = versionsOf(each)
      return version === undefined || another !== undefined ? [] : [`${each}==${version}\n`]
    }).join(""),
    hashesOf: (wanted) => new Set(
      foreign.filter((one) => normal(one.name) === wanted).flatMap(({ files = [], wheels = [] }) => [...files, ...wheels])
        .flatMap(({ hash, hashes }) => hash ?? (hashes?.["sha256"] === undefined ? [] : `sha256:${hashes["sha256"]}`))
    )
  }
}
