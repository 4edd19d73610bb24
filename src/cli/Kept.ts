/**
 * What a gateway keeps, for the verbs that change it: they work on the store of the manifest's data
 * directory, whether a gateway runs over it or not.
 */
import { Effect, FileSystem, Layer, Redacted, Stdio, Stream } from "effect"
import { Flag } from "effect/cli"
import { draft } from "../manifest/Load.ts"
import { sayProblem } from "../manifest/Problem.ts"
import type { VaultPlace } from "../manifest/SecretLookup.ts"
import { vaultPlaceOf } from "../manifest/VaultPlace.ts"
import { logs } from "../observe/Logs.node.ts"
import { Redactor } from "../observe/Redaction.ts"
import { vaultLayer } from "../vault/Vault.node.ts"
import { set } from "./Check.ts"
import { failed, stop, Stopped, wrongConfiguration } from "./Stopped.ts"

/** Which store: the manifest's, of which only `hosting` has to be right. */
export const kept = {
  manifest: Flag.String("manifest").pipe(
    Flag.withAlias("m"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("The manifest whose hosting says where things are kept, else manifold.yaml; repeat it as for serve"),
    Flag.atLeast(0)
  ),
  set
}

interface Given {
  readonly manifest: ReadonlyArray<string>
  readonly set: ReadonlyArray<string>
}

export const placeOf = Effect.fnUntraced(function*({ manifest, set }: Given) {
  const { directory, problems, tree } = yield* draft({ files: manifest.length === 0 ? ["manifold.yaml"] : manifest, environment: process.env, set })
  const place = yield* vaultPlaceOf(tree, directory)
  const isRead = tree._tag === "Mapping" && tree.entries.size > 0
  return place !== undefined && isRead ? place : yield* stop(wrongConfiguration, problems.map(sayProblem).join("\n"))
})

/** The services over it; what they say goes to standard error. */
export const servicesAt = (place: VaultPlace) =>
  Layer.provideMerge(vaultLayer({ ...place, environment: process.env }), logs(new Redactor(), "auto"))

interface Failure {
  readonly _tag: string
  readonly message: string
}

/** Says what the store or the vault refused: a wrong key is wrong configuration, all else a no. */
export const reported = <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Stopped, R> =>
  Effect.catch(effect, (error: Failure) => {
    if (error instanceof Stopped) return Effect.fail(error)
    return stop(error._tag === "VaultKeyRefused" ? wrongConfiguration : failed, error.message)
  })

/** Whatever is longer is a wrong file. */
const LONGEST = 64 * 1024

/** A secret text of a file, or of standard input; one line end at its end is not part of it. */
export const secretText = Effect.fnUntraced(function*(file: string | undefined) {
  const files = yield* FileSystem.FileSystem
  const { stdin } = yield* Stdio.Stdio
  if (file === undefined && process.stdin.isTTY) process.stderr.write("Type the value, then a line end and Ctrl-D:\n")
  const text = yield* (file === undefined ? Stream.mkString(Stream.decodeText(stdin)) : files.readFileString(file)).pipe(
    Effect.catch(() => stop(failed, file === undefined ? "Standard input cannot be read" : `"${file}" cannot be read`))
  )
  const value = text.replace(/\r?\n$/u, "")
  if (value === "") return yield* stop(failed, "There is no value: it is read from standard input, or from the file of the flag")
  if (value.length > LONGEST) return yield* stop(failed, "The value is longer than 64 KiB")
  return Redacted.make(value)
})
