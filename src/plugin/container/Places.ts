/** Folders and files of this machine that a server in a container or a sandbox may see: read-only unless the manifest writes rw, and never those by which it would get out. */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Host } from "../Host.ts"
import { LoadFailed } from "../Loader.ts"

const spelling = /^([^:,"\n]+):(\/[^:,"\n]*)(?::(ro|rw))?$/u

/** `./data:/data`, `./data:/data:rw`. */
export const Volume = Schema.String.check(Schema.isPattern(spelling, {
  expected: "a folder or file and where the container sees it, such as ./data:/data or ./data:/data:rw, without commas and quotes"
}))

const SOCKETS = ["/run/docker.sock", "/var/run/docker.sock", "/run/podman", "/run/containerd"]

/** A folder or file of this machine and where it is seen. */
export interface Mount {
  readonly from: string
  readonly to: string
  readonly isWritable: boolean
}

/** The real path of what the manifest names, where it may be shown. */
export const placeOf = Effect.fnUntraced(function*(source: string, key: string, from: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory, engine, workspace } = yield* Host
  const failed = (why: string) => new LoadFailed({ source, step: "mount what it may see", next: `correct \`${key}\``, cause: new Error(`${from} ${why}`) })
  const real = (file: string) => Effect.orElseSucceed(files.realPath(file), () => file)
  const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`)
  const own = yield* real(path.dirname(workspace))
  const socket = /^unix:\/\/(.+)$/u.exec(engine["DOCKER_HOST"] ?? "")?.[1]
  const sockets = yield* Effect.forEach([...SOCKETS, ...(socket === undefined ? [] : [socket])], real)
  const found = yield* Effect.mapError(files.realPath(path.resolve(directory, from)), () => failed("is not there"))
  const why = found === "/" ? "is the whole machine"
    : sockets.some((each) => isWithin(each, found)) ? "leads to the container engine"
    : isWithin(own, found) || isWithin(found, own) ? "leads to the gateway's own data"
    : /[,"\n]/u.test(found) ? "has a comma or a quote in its name"
    : undefined
  return why === undefined ? found : yield* failed(why)
})

/** What `volumes` names. */
export const volumesOf = (source: string, volumes: ReadonlyArray<string>) =>
  Effect.forEach(volumes, Effect.fnUntraced(function*(volume) {
    const [, from = "", to = "", mode = "ro"] = spelling.exec(volume) ?? []
    return { from: yield* placeOf(source, "volumes", from), to, isWritable: mode === "rw" } satisfies Mount
  }))

/** The arguments of an engine that mount them. */
export const mountArguments = (mounts: ReadonlyArray<Mount>): ReadonlyArray<string> =>
  mounts.flatMap(({ from, isWritable, to }) => ["--mount", `type=bind,src=${from},dst=${to}${isWritable ? "" : ",readonly"}`])
