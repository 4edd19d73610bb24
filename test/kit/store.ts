/** Stores for tests: rows to put in them, and a file of their own that goes with the scope. */
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { Store } from "../../src/store/Store.ts"
import * as Sqlite from "../../src/store/Sqlite.node.ts"
import { temporaryDirectory } from "./gateway.ts"

/** A folder that goes with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => temporaryDirectory()),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

export const storeFile = Effect.map(folder, (directory) => join(directory, "data", "store.db"))

/** Each call is another connection, as from another process. */
export const storeAt = (file: string, largest?: number) =>
  Effect.provide(Store, Sqlite.layer(largest === undefined ? { file } : { file, largest }), { local: true })

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value)

export const becomes = (value: string, version: number, expires?: number) => ({
  value: bytes(value),
  version,
  written: 0,
  ...(expires === undefined ? {} : { expires })
})
