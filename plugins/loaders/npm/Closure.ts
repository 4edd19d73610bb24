/**
 * A package with all that it brings along, each at one version with its hash: what npm writes into a
 * package-lock.json, package by package, so that it can be kept in a pin and written again.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { type Loader, Policy } from "#plugin"
import { failed, type Running, runNpm } from "./Npm.ts"

const Package = Schema.Record(Schema.String, Schema.Unknown)
const LockFile = Schema.fromJsonString(Schema.Struct({ packages: Schema.Record(Schema.String, Package) }))
const PackageText = Schema.fromJsonString(Package)
const decodePackage = Schema.decodeUnknownEffect(PackageText)

export const EXACT = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/u

export interface Wanted extends Running {
  readonly name: string
  /** A range or a tag too, where that is still to be answered. */
  readonly version: string
  /** Packages whose install scripts run. */
  readonly scripts: ReadonlyArray<string>
}

/** Where the packages of a closure stand in a pin; other keys of the pin say other things. */
const PLACE = /^node_modules\//u

/** What says nothing of what is installed, or where it was fetched: that is the registry's own matter. */
const UNSAID = new Set(["resolved", "funding", "license", "deprecated"])

/** Newer npm asks for this before it runs a script, older npm does not know it. */
const manifestFor = ({ name, scripts, version }: Wanted) =>
  JSON.stringify({
    private: true,
    dependencies: { [name]: version },
    ...(scripts.length === 0 ? {} : { allowScripts: Object.fromEntries(scripts.map((each) => [each, true])) })
  })

/**
 * Asks the registry for all of it, the version of the package itself too; installs nothing. The folder is empty and is left
 * with npm's two files. Where the manifest sets an age, npm takes nothing that the registry dates later.
 */
export const closureOf = Effect.fnUntraced(function*(wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* files.writeFileString(path.join(wanted.directory, "package.json"), manifestFor(wanted)).pipe(
    Effect.mapError(failed(wanted, "write package.json", "check the data directory"))
  )
  const latest = yield* Policy.latest
  yield* runNpm(wanted, "install", ["--package-lock-only", ...(latest === undefined ? [] : [`--before=${new Date(latest).toISOString()}`])])
  const lock = yield* files.readFileString(path.join(wanted.directory, "package-lock.json")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(LockFile)),
    Effect.mapError(failed(wanted, "read package-lock.json", "update npm"))
  )
  return yield* verified(wanted, lock.packages)
})

const verified = Effect.fnUntraced(function*(wanted: Wanted, packages: Readonly<Record<string, typeof Package.Type>>) {
  const { integrity, version } = packages[`node_modules/${wanted.name}`] ?? {}
  const refuse = (text: string, next: string) => failed(wanted, "verify", next)(new Error(text))
  const isMeant = typeof version === "string" && EXACT.test(version) && (version === wanted.version || !EXACT.test(wanted.version))
  if (!isMeant) return yield* refuse(`got version ${String(version)}`, "check the registry")
  if (typeof integrity !== "string" || !integrity.startsWith("sha512-")) {
    return yield* refuse("the registry gave no sha512 integrity", "use a registry that does")
  }
  const all = Object.entries(packages).filter(([place]) => place !== "")
  // An older npm does not know the flags that forbid git, folders and addresses as dependencies.
  const foreign = all.find(([, { inBundle, integrity, link }]) => link === true || (integrity === undefined && inBundle !== true))
  if (foreign !== undefined) return yield* refuse(`${foreign[0]} does not come from the registry`, "do not use this package")
  const pin: Record<string, string> = { version, integrity }
  for (const [place, one] of all) {
    pin[place] = JSON.stringify(Object.fromEntries(Object.entries(one).filter(([key]) => !UNSAID.has(key)).sort(([a], [b]) => a < b ? -1 : 1)))
  }
  return pin
})

/** The packages of a closure by what they are, whatever places they have; those that come inside of another are part of that. */
export const packagesIn = (pin: Loader.Pin) =>
  Object.entries(pin).filter(([key]) => PLACE.test(key)).flatMap(([place, text]) => {
    const { integrity, name, version } = Option.getOrUndefined(Schema.decodeUnknownOption(PackageText)(text)) ?? {}
    if (typeof version !== "string" || typeof integrity !== "string") return []
    return [{ name: typeof name === "string" ? name : place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length), version, integrity }]
  })

/** The hash of the package itself, as the closure in a pin has it. */
export const integrityIn = (pin: Loader.Pin, name: string): string | undefined => {
  const text = pin[`node_modules/${name}`]
  const found = text === undefined ? undefined : Option.getOrUndefined(Schema.decodeUnknownOption(PackageText)(text))
  return typeof found?.["integrity"] === "string" ? found["integrity"] : undefined
}

/** Writes what a pin says for `npm ci`; says whether the pin has a closure at all. */
export const writeClosure = Effect.fnUntraced(function*(wanted: Wanted, pin: Loader.Pin) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const places = Object.entries(pin).filter(([key]) => PLACE.test(key))
  if (places.length === 0) return false
  const packages: Record<string, unknown> = { "": { dependencies: { [wanted.name]: wanted.version } } }
  for (const [place, text] of places) {
    packages[place] = yield* Effect.mapError(decodePackage(text), failed(wanted, "read the lock", "write it anew with manifold lock"))
  }
  const lock = JSON.stringify({ lockfileVersion: 3, requires: true, packages })
  yield* files.writeFileString(path.join(wanted.directory, "package.json"), manifestFor(wanted)).pipe(
    Effect.andThen(files.writeFileString(path.join(wanted.directory, "package-lock.json"), lock)),
    Effect.mapError(failed(wanted, "write package-lock.json", "check the data directory"))
  )
  return true
})
