/** The vault and the API keys as a process has them: in the store file of the data directory. Building them opens and makes nothing. */
import { join } from "node:path"
import { Layer } from "effect"
import * as Sqlite from "../store/Sqlite.node.ts"
import * as ApiKeys from "./ApiKeys.node.ts"
import { keySourceLayer, type KeySourceOptions } from "./KeySource.node.ts"
import { Vault } from "./Vault.ts"

export const storeFile = (dataDirectory: string): string => join(dataDirectory, "store.db")

export const vaultLayer = (options: KeySourceOptions) =>
  Layer.mergeAll(Vault.whole, ApiKeys.layer).pipe(
    Layer.provideMerge(Sqlite.layer({ file: storeFile(options.dataDirectory) })),
    Layer.provideMerge(keySourceLayer(options))
  )
