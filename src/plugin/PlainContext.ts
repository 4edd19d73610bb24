/** What the host gives to functions of the plain face, whatever they are for. */

/** Aborted when the host no longer wants the answer. */
export interface Interruptible {
  readonly signal: AbortSignal
}

/** What `start` is told about where it runs; see `Host`. */
export interface PlainContext extends Interruptible {
  readonly directory: string
  readonly workspace: string
}
