/** What is to be built, as the loaders that fetch code ask for it. */
import { Loader } from "#plugin"

export interface Wanted {
  /** What is being loaded, for messages. */
  readonly source: string
  /** All of the code that was fetched, and the folder of the server in it. */
  readonly root: string
  readonly place: string
  /** Where a Python environment goes. */
  readonly venv: string
  readonly build: false | ReadonlyArray<string> | undefined
  /** Whether the manifest says what is run, so that nothing has to be found. */
  readonly isCommanded: boolean
  readonly registry: string
  readonly index: string
  /** What a lock already knows. */
  readonly pin: Loader.Pin
}

/** What was done, in words for the status, and what was learned. */
export interface Done {
  readonly steps: ReadonlyArray<string>
  readonly pin: Loader.Pin
}

export const failed = ({ source }: Pick<Wanted, "source">, step: string, next: string) => (cause: unknown) =>
  new Loader.LoadFailed({ source, step, next, cause })
