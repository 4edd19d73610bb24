/**
 * Loads an MCP bundle (.mcpb): one zip archive with a server and all it needs. Its hash is checked before a byte of it is
 * unpacked; what its manifest.json says decides how it is run, within what a bundle may run.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { Egress, Loader, Plugin } from "#plugin"
import { rule } from "./build/Keys.ts"
import { inputsKey } from "./inputs/Inputs.ts"
import { removeStale } from "./git/Stale.ts"
import { launchOf, programOf } from "./mcpb/Command.ts"
import { manifestIn } from "./mcpb/Manifest.ts"
import { unpack } from "./mcpb/Unpack.ts"

/** Most bytes of a bundle. */
const MOST = 512 * 1024 * 1024

export const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u, { expected: "a SHA-256 in 64 hex digits" }))

const Address = Schema.String.check(Schema.isPattern(/^(?:https:\/\/(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:.]+\])|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d{1,5})?\/[A-Za-z0-9._~%+,=:;&!*@/-]*$/u, {
  message: "expected an https address without user, password and query (http only for loopback)"
}))

const McpbSource = Schema.Struct({
  url: Schema.optionalKey(Address.annotate({ description: "Where the bundle is; redirects are followed, since its hash is checked" })),
  path: Schema.optionalKey(Schema.NonEmptyString.annotate({ description: "The bundle as a file of this machine, relative to the manifest" })),
  sha256: Schema.optionalKey(Sha256.annotate({ description: "Its SHA-256; without it the bundle is fetched once, and its hash goes into the lock" })),
  inputs: inputsKey
}).check(rule(({ path, url }) => (path === undefined) !== (url === undefined) || "write `url` or `path`, one of them"))

export default Plugin.define("loader", {
  name: "mcpb",
  summary: "Runs an MCP bundle (.mcpb) by its hash, with Node, Python or a program of its own",
  config: McpbSource,
  build: Effect.fnUntraced(function*({ inputs = {}, path: written, sha256, url }) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const egress = yield* Egress.Egress
    const { directory: home, workspace } = yield* Plugin.Host
    const source = `mcpb ${written ?? url}`
    const failed = (step: string, next: string) => (cause: unknown) => new Loader.LoadFailed({ source, step, next, cause })
    const exactly = (hash: string): Loader.Resolved => ({ source: `${source}@sha256:${hash}`, digest: `mcpb:${hash}`, pin: { sha256: hash } })

    /** The archive as a file that is gone with the scope, and its hash. */
    const fetched = Effect.gen(function*() {
      yield* removeStale
      const folder = yield* Effect.mapError(files.makeTempDirectoryScoped({ directory: workspace, prefix: "mcpb-" }), failed("make a folder", "check the data directory"))
      const file = path.join(folder, "bundle.mcpb")
      if (url !== undefined) {
        yield* Effect.logInfo(`fetching ${source}`)
        return { file, hash: yield* Effect.mapError(egress.download(url, url, { file, most: MOST }), failed("fetch", "check the address and the network")) }
      }
      // What is unpacked is what was hashed, whoever writes to the original meanwhile.
      const original = path.resolve(home, written ?? "")
      yield* files.copyFile(original, file).pipe(Effect.mapError(failed("find", "check the path")))
      return { file, hash: yield* Effect.mapError(hashOfFile(file), failed("read", "check the path")) }
    })

    return {
      resolve: sha256 !== undefined ? Effect.succeed(exactly(sha256)) : Effect.scoped(Effect.map(fetched, ({ hash }) => exactly(hash))),

      stands: ({ pin = {} }) =>
        written === undefined || sha256 !== undefined
          ? Effect.succeed(true)
          : Effect.map(Effect.option(hashOfFile(path.resolve(home, written))), (hash) => Option.contains(hash, pin["sha256"])),

      prepare: Effect.fn("mcpb.prepare")(function*({ pin = {} }, directory) {
        const { sha256: expected = "" } = { sha256: "", ...pin }
        const { file, hash } = yield* fetched
        if (hash !== expected) {
          return yield* failed("verify", "find out why it is another file before you write the lock anew")(new Error(`its SHA-256 is ${hash}, expected ${expected}`))
        }
        yield* unpack(source, file, directory)
        const bundle = { source, directory, manifest: yield* manifestIn(source, directory) }
        const { own } = { own: undefined, ...yield* programOf(bundle) }
        if (own !== undefined) yield* Effect.mapError(files.chmod(own, 0o700), failed("find command", "do not use this bundle"))
      }, Effect.scoped),

      launch: Effect.fn("mcpb.launch")(function*(directory) {
        return yield* launchOf({ source, directory, manifest: yield* manifestIn(source, directory) }, inputs)
      })
    }
  })
})

const hashOfFile = Effect.fnUntraced(function*(file: string) {
  const bytes = yield* Effect.flatMap(FileSystem.FileSystem, (files) => files.readFile(file))
  const digest = yield* Effect.promise(() => crypto.subtle.digest("SHA-256", Uint8Array.from(bytes)))
  return Buffer.from(digest).toString("hex")
})
