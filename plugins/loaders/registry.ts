/**
 * Loads a server that an MCP registry describes (server.json), by the loader of its package: npm, pypi, docker, mcpb or remote.
 *
 * A version is only a question; the package that it comes to, with all that its loader pins, goes into the lock, so that
 * neither the registry nor the entry is asked again.
 */
import { Effect, Option, Record, Redacted, Schema } from "effect"
import { Egress, Loader, Plugin } from "#plugin"
import { IndexUrl, rule } from "./build/Keys.ts"
import { inputsKey } from "./inputs/Inputs.ts"
import { hashOf } from "./npm/Hash.ts"
import { normal } from "./python/Names.ts"
import { described, fileHash, inFile } from "./registry/Ask.ts"
import { chosen, delegated, KINDS } from "./registry/Choose.ts"
import { type Inner, innerOf } from "./registry/Delegates.ts"
import type { Package } from "./registry/Entry.ts"
import { launchedPackage, launchedRemote } from "./registry/Launch.ts"
import { sound, takenIn } from "./registry/Sound.ts"

const PUBLIC = "https://registry.modelcontextprotocol.io"

const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9.-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/u, { message: "expected the name of a server, such as io.github.owner/name" }),
  Schema.isMaxLength(200)
)

const Version = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9.+_-]{0,254}$/u, {
  message: "expected one version, such as 1.2.3, or latest: registries know no ranges"
}))

const RegistrySource = Schema.Struct({
  name: Schema.optionalKey(Name.annotate({ description: "Name of the server in the registry" })),
  version: Schema.optionalKey(Version.annotate({ description: "Version of the server; the latest when left out, resolved once and kept in the lock" })),
  registry: Schema.optionalKey(IndexUrl.annotate({ description: "Address of the MCP registry; the official one when left out" })),
  file: Schema.optionalKey(Schema.NonEmptyString.annotate({ description: "A server.json instead of a registry, relative to the manifest" })),
  package: Schema.optionalKey(Schema.Literals(KINDS).annotate({
    description: "Which of its packages to take, or remote for its address; the first it has of npm, pypi, oci, mcpb and remote when left out"
  })),
  options: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown).annotate({
    description: "More keys for the loader of the package, such as network and volumes for an image, bin or allow_scripts for npm"
  })),
  inputs: inputsKey
}).check(rule(({ file, name, registry }) =>
  file === undefined && name === undefined ? "write `name`, or `file` for a server.json"
    : file !== undefined && registry !== undefined ? { path: ["registry"], issue: "stands beside file: write one of them" } : true))

export default Plugin.define("loader", {
  name: "registry",
  summary: "Runs or reaches a server as an MCP registry, or a server.json, describes it",
  config: RegistrySource,
  build: ({ file, inputs = {}, name, options = {}, package: kind, registry = PUBLIC, version: written }) => {
    const version = written === "latest" ? undefined : written
    const source = `registry ${name ?? file}${version === undefined ? "" : `@${version}`}`
    const isHome = file !== undefined || (URL.canParse(registry) && Egress.isLoopback(new URL(registry).hostname))
    const choosing = { source, kind, isHome }

    const innerFor = (named: string, one: Package, more: Readonly<Record<string, unknown>> = {}) =>
      Effect.gen(function*() {
        const { config, type } = yield* delegated({ ...choosing, source: named }, one)
        const twice = Object.keys(options).find((key) => key in config)
        if (twice !== undefined) {
          return yield* new Loader.LoadFailed({ source: named, step: "read options", next: "leave it out", cause: new Error(`${twice} is what the entry says`) })
        }
        return yield* innerOf(named, { type, config: { ...options, ...config, ...more } })
      })

    /** Nothing for an address, which has no loader that prepares. */
    const innerOfPin = (resolved: Loader.Resolved): Effect.Effect<Inner | undefined, Loader.LoadFailed, Plugin.Lent> =>
      Effect.flatMap(takenIn(resolved), (taken) => "package" in taken ? innerFor(resolved.source, taken.package) : Effect.undefined)

    return Effect.succeed({
      resolve: Effect.gen(function*() {
        const found = file === undefined ? yield* described({ source, registry, name: name ?? "", version }) : yield* inFile(source, file, { name, version })
        const { entry } = found
        const taken = yield* sound(source, yield* chosen(choosing, entry))
        const inner: Loader.Resolved = "package" in taken
          ? yield* Effect.flatMap(innerFor(source, taken.package), ({ resolve }) => resolve)
          : { source: `remote ${taken.remote.url.replace(/\?.*$/u, "")}`, digest: `remote:${taken.remote.url}` }
        if ("package" in taken) yield* checkFile(source, taken.package, inner.pin)
        const own: Loader.Pin = {
          server: `${entry.name}@${entry.version}`,
          package: JSON.stringify(taken),
          ...("published" in found && found.published !== undefined ? { published: found.published } : {}),
          ...("file" in found ? { file: found.file } : {})
        }
        return { source: `registry ${own["server"]} (${inner.source})`, digest: `registry:${yield* hashOf(own)}:${inner.digest}`, pin: { ...inner.pin, ...own } }
      }),

      stands: ({ pin = {} }) =>
        file === undefined ? Effect.succeed(true) : Effect.map(fileHash(file), (hash) => Option.contains(hash, pin["file"])),

      prepare: Effect.fn("registry.prepare")(function*(resolved: Loader.Resolved, directory: string) {
        const inner = yield* innerOfPin(resolved)
        return yield* inner?.prepare?.(resolved, directory) ?? Effect.void
      }),

      launch: Effect.fn("registry.launch")(function*(directory: string, resolved: Loader.Resolved, wanted: Loader.Wanted) {
        const taken = yield* takenIn(resolved)
        const launching = { source: resolved.source, inputs, wanted }
        if ("remote" in taken) return yield* launchedRemote(launching, isHome, taken.remote)
        return yield* launchedPackage(launching, taken.package, Effect.fnUntraced(function*(rest, more) {
          const inner = yield* innerFor(resolved.source, taken.package, taken.package.registryType === "mcpb" ? { inputs: Record.map(rest, Redacted.value) } : {})
          return yield* inner.launch(directory, resolved, more)
        }))
      })
    } satisfies Inner)
  }
})

/** The hash that an entry has for the file of a package, where the loader's own pin can be held against it. */
const checkFile = Effect.fnUntraced(function*(source: string, { fileSha256, identifier, registryType, version = "" }: Package, pin: Loader.Pin = {}) {
  if (fileSha256 === undefined || registryType === "mcpb") return
  if (registryType !== "pypi") return yield* Effect.logWarning(`${source}: fileSha256 of its ${registryType} package is not looked at; what it is pinned by is its registry's own hash`)
  const hashes = pin[`${normal(identifier.replace(/\[.*$/u, ""))}==${version}`]?.split(" ") ?? []
  if (hashes.includes(`sha256:${fileSha256}`)) return
  return yield* new Loader.LoadFailed({ source, step: "verify", next: "do not use this entry", cause: new Error("no wheel of the package has its fileSha256") })
})
