/** Folders and files of this machine that a container may see: read-only unless the manifest writes rw, and never those by which it would get out. */
import { Effect, FileSystem, Path, Schema } from "effect"
import { Loader, Plugin } from "#plugin"

const spelling = /^([^:,"\n]+):(\/[^:,"\n]*)(?::(ro|rw))?$/u

/** `./data:/data`, `./data:/data:rw`. */
export const Volume = Schema.String.check(Schema.isPattern(spelling, {
  expected: "a folder or file and where the container sees it, such as ./data:/data or ./data:/data:rw, without commas and quotes"
}))

const SOCKETS = ["/run/docker.sock", "/var/run/docker.sock", "/run/podman", "/run/containerd"]

/** The arguments that mount them. */
export const mounts = Effect.fnUntraced(function*(source: string, volumes: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory, engine, workspace } = yield* Plugin.Host
  const failed = (cause: unknown) => new Loader.LoadFailed({ source, step: "mount its volumes", next: "correct `volumes`", cause })
  const real = (file: string) => Effect.orElseSucceed(files.realPath(file), () => file)
  const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`)
  const own = yield* real(path.dirname(workspace))
  const socket = /^unix:\/\/(.+)$/u.exec(engine["DOCKER_HOST"] ?? "")?.[1]
  const sockets = yield* Effect.forEach([...SOCKETS, ...(socket === undefined ? [] : [socket])], real)

  return yield* Effect.forEach(volumes, Effect.fnUntraced(function*(volume) {
    const [, from = "", to = "", mode = "ro"] = spelling.exec(volume) ?? []
    const found = yield* Effect.mapError(files.realPath(path.resolve(directory, from)), () => failed(new Error(`there is no ${from}`)))
    const why = found === "/" ? "is the whole machine"
      : sockets.some((each) => isWithin(each, found)) ? "leads to the container engine"
      : isWithin(own, found) || isWithin(found, own) ? "leads to the gateway's own data"
      : /[,"\n]/u.test(found) ? "has a comma or a quote in its name"
      : undefined
    if (why !== undefined) return yield* failed(new Error(`${from} ${why}`))
    return ["--mount", `type=bind,src=${found},dst=${to}${mode === "rw" ? "" : ",readonly"}`]
  })).pipe(Effect.map((all) => all.flat()))
})
