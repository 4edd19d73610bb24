/** What the host tells a plugin about where it runs. */
import { type Cause, Context, type Effect } from "effect"

export class Host extends Context.Service<Host, {
  /** Folder of the manifest; relative paths in a config start here. */
  readonly directory: string
  /** Private folder where a plugin's tools keep what saves work next time, such as downloads. */
  readonly workspace: string
  /** The Node executable in use. */
  readonly node: string
  /** All that a builder's process gets to know: PATH, proxies and certificates; no secret of the gateway. */
  readonly environment: Readonly<Record<string, string>>
  /** All that the client of a container engine gets to know: PATH, and where the engine is. */
  readonly engine: Readonly<Record<string, string>>
  /** The hash of a folder's files; those with a name that is left out do not count, wherever they are. */
  readonly treeHash: (directory: string, leftOut: ReadonlySet<string>) => Effect.Effect<string, Cause.UnknownError>
}>()("manifold/plugin/Host") {}
