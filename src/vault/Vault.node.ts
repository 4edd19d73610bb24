/** The vault as a process has it: in the store file of the data directory. Building it opens and makes nothing. */
import { join } from "node:path"
import { Layer } from "effect"
import * as Sqlite from "../store/Sqlite.node.ts"
import { keySourceLayer, type KeySourceOptions } from "./KeySource.node.ts"
import { Vault } from "./Vault.ts"

export const storeFile = (dataDirectory: string): string => join(dataDirectory, "store.db")

export const vaultLayer = (options: KeySourceOptions) =>
  Vault.whole.pipe(
    Layer.provideMerge(Sqlite.layer({ file: storeFile(options.dataDirectory) })),
    Layer.provideMerge(keySourceLayer(options))
  )
