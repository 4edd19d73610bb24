/** The keys that machines call with: of each only a hash is kept, so that nobody can read one again. */
import { Context, type Effect, type Redacted, Schema } from "effect"
import type { StoreFailed } from "../store/StoreFailed.ts"

/** A key that may call, as whoever checks it sees it. Times are milliseconds since 1970. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scopes: ReadonlyArray<string>
  readonly expires?: number
}

/** The same for people: with its last four characters, to find it again. */
export interface ListedKey extends ApiKey {
  readonly created: number
  readonly lastFour: string
  readonly revoked?: number
}

export interface NewKey {
  readonly name: string
  readonly scopes: ReadonlyArray<string>
  readonly expires?: number
}

export class ApiKeyRefused extends Schema.TaggedError<ApiKeyRefused>()("ApiKeyRefused", {
  reason: Schema.Literals(["unknown", "revoked", "expired"])
}) {
  override get message() {
    return `The API key is ${this.reason}`
  }
}

/** A key with this name is in use already. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", { name: Schema.String }) {
  override get message() {
    return `There is a key named "${this.name}" already; revoke it first, or take another name`
  }
}

/** How every key begins that the gateway makes itself. */
export const KEY_PREFIX = "mfk_"

export class ApiKeys extends Context.Service<ApiKeys, {
  readonly find: (key: Redacted.Redacted<string>) => Effect.Effect<ApiKey, ApiKeyRefused | StoreFailed>
  /** The key is in the answer, and nowhere else. */
  readonly create: (
    wanted: NewKey
  ) => Effect.Effect<{ readonly key: Redacted.Redacted<string>; readonly made: ListedKey }, NameTaken | StoreFailed>
  /** Those that were revoked too, the oldest first. */
  readonly list: Effect.Effect<ReadonlyArray<ListedKey>, StoreFailed>
  /** By name or id; nothing when no key in use has either. */
  readonly revoke: (nameOrId: string) => Effect.Effect<ListedKey | undefined, StoreFailed>
}>()("manifold/vault/ApiKeys") {}
