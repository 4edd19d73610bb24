/** How the store refuses: it could not do it at all, or somebody else was first. */
import { Schema } from "effect"

/** What kept the store from answering; nothing was written. */
export const Trouble = Schema.Literals(["full", "locked", "damaged", "newer", "unavailable"])
export type Trouble = typeof Trouble.Type

const WORDS: Readonly<Record<Trouble, string>> = {
  full: "there is no room left; make some and it goes on by itself",
  locked: "another process has held it for too long",
  damaged: "its file is damaged or is no store; put it aside, or a copy in its place",
  newer: "its file was written by a newer version of Manifold",
  unavailable: "its file cannot be opened, read or written"
}

export class StoreFailed extends Schema.TaggedError<StoreFailed>()("StoreFailed", {
  operation: Schema.String,
  trouble: Trouble,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `The store could not ${this.operation}: ${WORDS[this.trouble]}`
  }
}

/** A row is not as the writer thought it was: read it again. Nothing was written. */
export class RowChanged extends Schema.TaggedError<RowChanged>()("RowChanged", {
  table: Schema.String,
  key: Schema.String
}) {
  override get message() {
    return `The row ${JSON.stringify(this.key)} of ${this.table} was changed meanwhile`
  }
}
