/** What fetches and builds a server is enclosed as the server will be, but that it has the network. */
import { Effect } from "effect"
import { ArtifactCache } from "../../host/ArtifactCache.ts"
import { bytesOf } from "../../lib/Size.ts"
import type { ServerEntry } from "../../manifest/Server.ts"
import { Confinement } from "../../plugin/Builder.ts"
import { Host } from "../../plugin/Host.ts"
import { type Limits, LoadFailed, type Loader, type Resolved } from "../../plugin/Loader.ts"
import { type Asked, Sandboxes } from "./Sandbox.ts"

export type Enclosing = Pick<ServerEntry, "limits" | "sandbox">

export const limitsOf = ({ memory, open_files, ...limits }: ServerEntry["limits"]): Limits => ({
  ...limits,
  ...(memory === undefined ? {} : { memory: bytesOf(memory) }),
  ...(open_files === undefined ? {} : { openFiles: open_files })
})

export const enclosing = ({ limits, sandbox }: Enclosing, source: string): Pick<Asked, "limits" | "sandbox" | "source"> =>
  ({ source, sandbox, limits: limitsOf(limits) })

export const lacking = (source: string) => ({ next, why }: { readonly next: string; readonly why: string }) =>
  new LoadFailed({ source, step: "enclose it in its sandbox", next, cause: new Error(why) })

/** The artifact in the cache, made where it is not there yet; what was built in one image is nothing for another. */
export const prepared = Effect.fnUntraced(function*(entry: Enclosing, loader: Loader, asked: Resolved) {
  const cache = yield* ArtifactCache
  const { prepare } = loader
  const { image, mode } = entry.sandbox
  if (prepare === undefined || mode === "none") return yield* cache.prepared(loader, asked)
  const sandboxes = yield* Sandboxes
  const { workspace } = yield* Host
  const confined: Loader = {
    ...loader,
    prepare: (resolved, directory) =>
      Effect.provideService(prepare(resolved, directory), Confinement, ({ isForeign, source, ...tool }) =>
        sandboxes.once({ ...tool, environment: isForeign ? { ...tool.environment, HOME: "/tmp" } : tool.environment }, {
          ...enclosing(entry, source),
          code: [directory],
          own: isForeign ? [] : [workspace],
          isBuilder: true
        }).pipe(Effect.catchTag("Lacking", (reason) => lacking(source)(reason))))
  }
  const { digest } = asked
  const { directory, resolved } = yield* cache.prepared(confined, image === undefined ? asked : { ...asked, digest: `${digest} in ${image}` })
  return { directory, resolved: { ...resolved, digest } }
})
