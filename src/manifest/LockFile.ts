/**
 * `manifold.lock`: for each server that is fetched what its source came to, so that every machine runs the same.
 * The text is canonical: sorted, one value per line, so that a change is as small in a diff as it is.
 */
import { Schema } from "effect"
import { canonical } from "../lib/Canonical.ts"
import type { Resolved } from "../plugin/Loader.ts"
import { isSecretPath } from "./Secrets.ts"

const Pin = Schema.Record(Schema.String, Schema.String)

export const LockEntry = Schema.Struct({
  type: Schema.String,
  /** What the manifest asked for; another question makes the answer void. */
  asked: Schema.Record(Schema.String, Schema.Unknown),
  /** The exact source, for people. */
  source: Schema.String,
  digest: Schema.String,
  pin: Pin
})
export type LockEntry = typeof LockEntry.Type

export const LockFile = Schema.Struct({
  version: Schema.Literal(1),
  /** By the id of a server, or `plugin NAME`. */
  sources: Schema.Record(Schema.String, LockEntry)
})
export type LockFile = typeof LockFile.Type

export const LOCK_NAME = "manifold.lock"

export const emptyLock: LockFile = { version: 1, sources: {} }

/** A source as the manifest has it. */
export interface Question {
  readonly type: string
  readonly source: Readonly<Record<string, unknown>>
}

/** What a server is given when it starts: it changes nothing of what is fetched, and may hold secrets. */
const GIVEN = "inputs"

/** What of a question belongs into a file that others read: no secret, and nothing that is not there. */
export const askedOf = ({ source }: Question): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(source).filter(([key, value]) => value !== undefined && key !== GIVEN && !isSecretPath([key])))

export const entryFor = (question: Question, { digest, pin = {}, source }: Resolved): LockEntry =>
  ({ type: question.type, asked: askedOf(question), source, digest, pin })

/** The answer of an entry, if it answers this question. */
export const answerIn = (entry: LockEntry | undefined, question: Question): Resolved | undefined =>
  entry === undefined || entry.type !== question.type || canonical(entry.asked) !== canonical(askedOf(question))
    ? undefined
    : { source: entry.source, digest: entry.digest, pin: entry.pin }

/** The same text for equal values, whatever the order of keys; two spaces deep, with a line end. */
export const lockText = (lock: LockFile): string => `${JSON.stringify(sorted(lock), null, 2)}\n`

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([key, inner]) => [key, sorted(inner)]))
}
