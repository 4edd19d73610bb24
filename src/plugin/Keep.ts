/** Where a strategy keeps what is secret: rows of the vault that are its own server's. Times are milliseconds since 1970. */
import { Context, Effect, type Redacted, Schema } from "effect"

export interface Kept {
  readonly value: Redacted.Redacted<string>
  /** Tells one writing of a row from the next. */
  readonly version: number
  readonly expires?: number
}

/** There is no fresh value; what was there is there still. */
export class RefreshFailed extends Schema.TaggedError<RefreshFailed>()("RefreshFailed", {
  /** For logs and people; never what a server said word by word. */
  reason: Schema.String,
  /** To try again gives the same: the grant is gone. */
  final: Schema.Boolean
}) {
  override get message() {
    return `It could not be refreshed: ${this.reason}`
  }
}

/** The vault did not do it; nothing was written. */
export class KeepFailed extends Schema.TaggedError<KeepFailed>()("KeepFailed", { reason: Schema.String }) {
  override get message() {
    return `The vault did not do it: ${this.reason}`
  }
}

export interface Fresh {
  readonly value: Redacted.Redacted<string>
  readonly expires?: number
}

/** The key of a row: its parts are kept apart, whatever is in them. */
export type Key = ReadonlyArray<string>

export class Keep extends Context.Service<Keep, {
  readonly get: (key: Key) => Effect.Effect<Kept | undefined, KeepFailed>
  readonly put: (key: Key, fresh: Fresh) => Effect.Effect<void, KeepFailed>
  readonly remove: (key: Key) => Effect.Effect<void, KeepFailed>
  readonly keys: Effect.Effect<ReadonlyArray<Key>, KeepFailed>
  /**
   * Runs a refresh of the row once, however many ask for it in however many processes, and gives all of them its outcome.
   * @param seen the version that is to be refreshed; where there is a later one, that is the outcome
   */
  readonly refreshed: (
    key: Key,
    seen: number,
    refresh: (before: Kept) => Effect.Effect<Fresh, RefreshFailed>
  ) => Effect.Effect<Kept, KeepFailed | RefreshFailed>
}>()("manifold/plugin/Keep") {}

const none = new KeepFailed({ reason: "there is none here" })

/** Keeps nothing. */
export const nowhere: Keep["Service"] = {
  get: () => Effect.undefined,
  put: () => none,
  remove: () => Effect.void,
  keys: Effect.succeed([]),
  refreshed: () => none
}
