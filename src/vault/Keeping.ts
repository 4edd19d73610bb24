/** The rows of the vault that are one server's, as its auth strategy has them: no other server's can be named. */
import { Effect } from "effect"
import { type Fresh, type Key, type Kept, Keep, KeepFailed, RefreshFailed } from "../plugin/Keep.ts"
import type { Opened } from "./Row.ts"
import type { Vault } from "./Vault.ts"

const TABLE = "tokens"

const keyFor = (server: string, key: Key): string => JSON.stringify([server, ...key])

/** All keys of a server begin so. */
const prefixOf = (server: string): string => `${JSON.stringify([server]).slice(0, -1)},`

const failed = ({ message }: { readonly message: string }) => new KeepFailed({ reason: message })

const keptOf = ({ expires, value, version }: Opened): Kept => ({ value, version, ...(expires === undefined ? {} : { expires }) })

export const keepFor = (vault: Vault["Service"], server: string): Keep["Service"] =>
  Keep.of({
    get: (key) => Effect.mapBoth(vault.get(TABLE, keyFor(server, key)), { onSuccess: (row) => row && keptOf(row), onFailure: failed }),
    put: (key, { value, ...expiry }: Fresh) => Effect.mapError(Effect.asVoid(vault.put(TABLE, keyFor(server, key), value, expiry)), failed),
    remove: (key) => Effect.mapError(Effect.asVoid(vault.remove(TABLE, keyFor(server, key))), failed),
    keys: Effect.mapBoth(vault.list(TABLE, prefixOf(server)), {
      onSuccess: (rows) => rows.map(({ key }) => partsOf(key)),
      onFailure: failed
    }),
    refreshed: (key, seen, refresh) =>
      vault.refreshing({ table: TABLE, key: keyFor(server, key), seen, refresh: (row) => refresh(keptOf(row)) }).pipe(
        Effect.map(keptOf),
        Effect.mapError((failure) => failure instanceof RefreshFailed ? failure : failed(failure))
      )
  })

/** The key of a row as the strategy wrote it. */
const partsOf = (key: string): Key => {
  const parts: unknown = JSON.parse(key)
  return Array.isArray(parts) ? parts.slice(1).map(String) : []
}

/** The servers that have rows, with how many. */
export const keepers = (vault: Vault["Service"]) =>
  Effect.map(vault.list(TABLE), (rows) => {
    const servers = new Map<string, number>()
    for (const { key } of rows) {
      const parts: unknown = JSON.parse(key)
      const server = Array.isArray(parts) ? String(parts[0]) : ""
      servers.set(server, (servers.get(server) ?? 0) + 1)
    }
    return servers
  })
