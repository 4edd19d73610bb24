/**
 * Loads a server from an npm registry, without running install scripts that the manifest does not allow by name.
 *
 * What it resolves to is one exact version with everything that it brings along, each with its hash: that goes into
 * the lock, and is what gets installed, so two machines never run two things.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { Loader, Plugin, Policy, Runtime } from "#plugin"
import { IndexUrl, PUBLIC_REGISTRY } from "./build/Keys.ts"
import { closureOf, type Wanted } from "./npm/Closure.ts"
import { hashOf } from "./npm/Hash.ts"
import { install } from "./npm/Install.ts"
import { publishedOf } from "./npm/Registry.ts"
import { demanded, signed } from "./npm/Signatures.ts"

const Name = Schema.String.check(
  Schema.isPattern(/^(?:@[A-Za-z0-9][A-Za-z0-9._-]*\/)?[A-Za-z0-9][A-Za-z0-9._-]*$/u, {
    message: "expected the name of an npm package, such as left-pad or @scope/name"
  }),
  Schema.isMaxLength(214)
)

const Version = Schema.String.check(
  Schema.isPattern(/^[0-9A-Za-z^~<>=*][0-9A-Za-z.^~<>=|* +-]{0,99}$/u, {
    message: "expected a version, a range or a tag, such as 1.2.3, ^1.2 or latest"
  })
)

const NpmSource = Schema.Struct({
  package: Name.annotate({ description: "Name of the package, with its scope" }),
  version: Schema.optionalKey(Version.annotate({
    description: "Version, range or tag; the latest when left out. What is not exact is resolved once and kept in the lock"
  })),
  bin: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Which command of the package to run, when it has several and none is named like the package"
  })),
  registry: Schema.optionalKey(IndexUrl.annotate({
    description: "Registry for the package and all its dependencies; the public one when left out"
  })),
  allow_scripts: Schema.optionalKey(
    Schema.Array(Name).annotate({
      description: "Packages, of all that are installed, whose install scripts run when they are; those of others never do"
    })
  )
})

export default Plugin.define("loader", {
  name: "npm",
  summary: "Installs an npm package at one exact version and runs its command with Node",
  config: NpmSource,
  build: Effect.fnUntraced(function*({ package: name, version: specifier = "latest", bin, registry = PUBLIC_REGISTRY, allow_scripts = [] }) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const source = `npm ${name}@${specifier}`
    const scripts = [...new Set(allow_scripts)].sort()
    const differently = scripts.length === 0 ? "" : ` scripts ${scripts.join(",")}`
    const failed = (step: string, next: string) => (cause: unknown) =>
      new Loader.LoadFailed({ source, step, next, cause })

    return {
      resolve: Effect.gen(function*() {
        const directory = yield* files.makeTempDirectoryScoped({ prefix: "manifold-npm-" }).pipe(Effect.mapError(failed("make a folder", "check the folder for temporary files")))
        const asked = { source, registry, directory, name, version: specifier, scripts }
        const closure = yield* closureOf(asked)
        const { version = "" } = { version: "", ...closure }
        const exactly = { ...asked, source: `npm ${name}@${version}`, version }
        const pin = { ...closure, ...yield* dated(exactly), ...yield* signed(exactly, closure) }
        return { source: exactly.source, digest: `npm:${registry}:${name}@${version}:${yield* hashOf(pin)}${differently}`, pin }
      }).pipe(Effect.scoped),

      prepare: (resolved, directory) => {
        const { pin = {} } = resolved
        const version = pin["version"]
        if (version === undefined) return failed("read the lock", "write it anew with manifold lock")(new Error("it names no version"))
        return install({ source: resolved.source, registry, directory, name, version, scripts }, pin)
      },

      launch: Effect.fn("npm.launch")(function*(directory, resolved) {
        yield* demanded(resolved.source, resolved.pin ?? {})
        const home = path.join(directory, "node_modules", ...name.split("/"))
        const manifest = yield* files.readFileString(path.join(home, "package.json")).pipe(
          Effect.flatMap(Schema.decodeUnknownEffect(Runtime.Manifest)),
          Effect.mapError(failed("read package.json", "the package is not a usable one"))
        )
        const command = Option.map(Runtime.binOf(manifest, bin), (file) => path.resolve(home, file))
        if (Option.isNone(command)) return yield* failed("find command", nextFor(manifest.bin))(noCommand(bin))
        if (!command.value.startsWith(home + path.sep)) {
          return yield* failed("find command", "do not use this package")(new Error("its command lies outside of it"))
        }
        const { command: executable, args } = yield* Runtime.detect(command.value)
        return { _tag: "Stdio", command: executable, args }
      })
    }
  })
})

/** Where an age is asked for: when the registry says that it was published. */
const dated = Effect.fnUntraced(function*({ name, registry, source, version }: Wanted): Effect.fn.Return<Loader.Pin, never, Plugin.Lent> {
  if ((yield* Policy.latest) === undefined) return {}
  const released = yield* publishedOf(registry, name, version)
  if (released === undefined) yield* Effect.logWarning(`${source}: the registry says no date, so minimum_release_age is not known to be kept`)
  return { released: released ?? "no date" }
})

const noCommand = (bin: string | undefined) =>
  new Error(bin === undefined ? "the package has no command named like it" : `the package has no command "${bin}"`)

const nextFor = (bin: typeof Runtime.Manifest.Type["bin"]) =>
  typeof bin === "object" ? `write bin: one of ${Object.keys(bin).join(", ")}` : "is it an MCP server at all?"
