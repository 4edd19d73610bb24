/** Where the store and the vault of a manifest are, as far as its `hosting` can be read: the rest of it may be wrong. */
import { Effect, Path as Paths, Result } from "effect"
import { decode } from "./Decode.ts"
import { Hosting } from "./Hosting.ts"
import type { VaultPlace } from "./SecretLookup.ts"
import { child, type Tree } from "./Tree.ts"

const nothing: Tree = { _tag: "Mapping", at: { file: "", line: 0, column: 0 }, entries: new Map() }

/** Nothing where `hosting`, its references resolved, does not fit its schema. */
export const vaultPlaceOf = (root: Tree, directory: string): Effect.Effect<VaultPlace | undefined, never, Paths.Path> =>
  Effect.map(Paths.Path, (paths) => {
    const decoded = decode(Hosting, child(root, "hosting") ?? nothing)
    if (Result.isFailure(decoded)) return undefined
    const { data_directory, vault } = decoded.success.value
    return { directory, dataDirectory: paths.resolve(directory, data_directory), vault }
  })
