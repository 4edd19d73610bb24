/**
 * What a loader is: it turns the source a manifest names into an exact, prepared
 * artifact and says how to launch it. The host, never the loader, spawns.
 */
import { type Effect, type Redacted, Schema } from "effect"

/** A source that could not be turned into something that runs. */
export class LoadFailed extends Schema.TaggedError<LoadFailed>()("LoadFailed", {
  /** What was being loaded, as a person would name it: `npm @scope/name@1.2.3`. */
  source: Schema.String,
  /** The step that failed: `npm install`, `detect runtime`. */
  step: Schema.String,
  /** What the person at the manifest can do about it. */
  next: Schema.optionalKey(Schema.String),
  cause: Schema.Defect()
}) {
  override get message() {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.source}: ${this.step} failed: ${why}${this.next === undefined ? "" : ` (${this.next})`}`
  }
}

/** What a lock keeps beside the digest: version, integrity, commit. Equal digests have equal pins: an artifact is held against what it was made of. */
export type Pin = Readonly<Record<string, string>>

/** The exact answer to "what does this source mean?"; JSON, because it is what a lock file keeps. */
export interface Resolved {
  /** The exact source, for people: `npm @scope/name@1.2.3`. */
  readonly source: string
  /** Identity of the artifact; equal digests share one cache folder. */
  readonly digest: string
  readonly pin?: Pin
}

/** A child that speaks MCP on its standard streams (or, with `config.port`, serves HTTP on the port it is given). */
export interface Stdio {
  readonly _tag: "Stdio"
  readonly command: string
  /** Arguments that come before the manifest's `config.args`. */
  readonly args: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  /** Variables whose values come from the manifest: for the server alone, and written down nowhere. */
  readonly inputs?: Readonly<Record<string, Redacted.Redacted<string>>>
  /** Working directory; the manifest's `config.working_directory` wins. */
  readonly directory?: string
  /** What was found out about the code and why it runs so, for the status. */
  readonly detected?: string
  /**
   * Runs once after each process, however that one ended; also after a gateway that was killed. With it, `{instance}`
   * in its arguments and in `args` is a name of that process alone.
   */
  readonly after?: { readonly command: string; readonly args: ReadonlyArray<string> }
}

/** What the manifest wants for the process, for loaders that put something between the gateway and the server. */
export interface Wanted {
  /** Names of the variables of `config.environment`; their values are in the environment of what is launched. */
  readonly environment: ReadonlyArray<string>
  /** Names of the headers of `config.headers`, in small letters. */
  readonly headers?: ReadonlyArray<string>
  readonly port?: number
  readonly workingDirectory?: string
  readonly limits: Limits
}

/** What the manifest allows a server at most. */
export interface Limits {
  /** Bytes. */
  readonly memory?: number
  /** Processors: 0.5 is half of one. */
  readonly cpu?: number
  readonly processes?: number
  /** Files that each of its processes has open at once. */
  readonly openFiles?: number
}

/** A server that runs elsewhere and is reached at a URL. */
export interface Http {
  readonly _tag: "Http"
  readonly url: string
  readonly transport: "auto" | "streamable_http" | "sse" | "websocket"
  readonly headers?: Readonly<Record<string, Redacted.Redacted<string>>>
}

export type Launch = Stdio | Http

/** `R` is what its effects still ask of the host; nothing, once the registry has lent it. */
export interface Loader<R = never> {
  /** `stop_first` when two instances cannot overlap (one fixed port, one lock file). Default `overlap`. */
  readonly swap?: "overlap" | "stop_first"
  /** Its source is at hand and is looked at anew at each start, though a copy of it is prepared. Default false. */
  readonly follows?: boolean
  readonly resolve: Effect.Effect<Resolved, LoadFailed, R>
  /** Whether an answer of before still stands, where it hangs on something at hand that the manifest only names. */
  readonly stands?: (resolved: Resolved) => Effect.Effect<boolean, never, R>
  /** Fills the empty folder `directory`; absent where the source runs in place. What it learns goes into the pin. */
  readonly prepare?: (resolved: Resolved, directory: string) => Effect.Effect<Pin | void, LoadFailed, R>
  /** `directory` is what `prepare` filled, or a private empty folder where there is no `prepare`. */
  readonly launch: (directory: string, resolved: Resolved, wanted: Wanted) => Effect.Effect<Launch, LoadFailed, R>
}
