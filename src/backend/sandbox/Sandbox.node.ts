/** The sandboxes of this machine: what it has is found out once, when the first server asks. */
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { Context, Effect, type FileSystem, Layer, type Path, Scope } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { type Mount, placeOf } from "../../plugin/container/Places.ts"
import { Host } from "../../plugin/Host.ts"
import type { LoadFailed } from "../../plugin/Loader.ts"
import { type Command, named as namedApart } from "../transport/Stdio.node.ts"
import { bubblewrap, USER, type Walls } from "./Bubblewrap.ts"
import { contained } from "./Container.node.ts"
import { entering, leaving, type Program } from "./Entering.ts"
import { groupsHere } from "./Groups.node.ts"
import { limiting, type Means } from "./Limiting.ts"
import { type Asked, type Enclosed, Lacking, Sandboxes } from "./Sandbox.ts"
import { certificates, configuration, installations, isWithin, system } from "./Seen.node.ts"

/** Why bubblewrap cannot be used here; nothing when it can. */
const probe = (walls: Walls) => Effect.callback<string | undefined>((resume) => {
  const { args, command } = bubblewrap(walls, { command: "true", args: [] })
  execFile(command, args, { timeout: 5000, env: { PATH: process.env["PATH"] ?? "" } }, (error, _, stderr) => {
    if (error === null) return resume(Effect.succeed(undefined))
    resume(Effect.succeed(error.code === "ENOENT" ? "it is not installed" : stderr.trim().split("\n")[0] || error.message))
  })
})

type Needs = ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Host | Path.Path

/** Most bytes of /tmp; what is in it counts as memory. */
const SCRATCH = { server: 64 * 1024 * 1024, builder: 1024 * 1024 * 1024 }

const none: Means = { groups: undefined, countsProcesses: false }

export const layer = Layer.effect(Sandboxes, Effect.gen(function*() {
  const { directory, workspace } = yield* Host
  // Not the scope of this layer: what runs once is tidied up when its own ends.
  const services = Context.omit(Scope.Scope)(yield* Effect.context<Needs>())
  const data = dirname(workspace)
  const folder = join(workspace, "sandbox")
  const users = { passwd: join(folder, "passwd"), group: join(folder, "group") }

  const usersWritten = yield* Effect.cached(Effect.sync(() => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(users.passwd, `server:x:${USER}:${USER}::/tmp:/usr/sbin/nologin\n`)
    writeFileSync(users.group, `server:x:${USER}:\n`)
  }))
  const means = yield* Effect.cached(Effect.sync((): Means =>
    process.platform === "linux" ? { groups: groupsHere(), countsProcesses: process.getuid?.() !== 0 } : none))
  const missing = yield* Effect.cached(Effect.andThen(usersWritten, probe({
    system: system(), configuration: [], users, mounts: [], hidden: [], hasNetwork: false, scratch: SCRATCH.server, directory: "/"
  })))

  const wallsFor = Effect.fnUntraced(function*({ command, directory: at, environment }: Command, mounts: ReadonlyArray<Mount>, hasNetwork: boolean): Effect.fn.Return<Walls, Lacking> {
    const reason = yield* missing
    if (reason !== undefined) {
      return yield* new Lacking({
        why: `bubblewrap cannot be used here: ${reason}`,
        next: "install it (Debian: apt-get install bubblewrap) and let the gateway make user namespaces, or write sandbox: none"
      })
    }
    const beside = [...installations(command, environment, [data, directory, homedir()]), ...(hasNetwork ? certificates(environment) : [])]
    const seen = [...mounts, ...beside.map((from) => ({ from, to: from, isWritable: false }))]
    // Relative paths start at the manifest's folder here too, which holds nothing but what is named of it.
    const isSeen = seen.some(({ to }) => isWithin(at, to))
    if (!isSeen && at !== directory) {
      return yield* new Lacking({ why: `its working directory ${at} is not seen in its sandbox`, next: "name it in sandbox.folders" })
    }
    return {
      system: system(),
      configuration: configuration(hasNetwork),
      users,
      mounts: seen,
      hidden: seen.some(({ to }) => isWithin(data, to)) ? [data] : [],
      hasNetwork,
      scratch: SCRATCH.server,
      directory: at,
      isEmpty: !isSeen
    }
  })

  const enclose = Effect.fnUntraced(function*(command: Command, { code, isBuilder, limits, own, port, sandbox, source }: Asked): Effect.fn.Return<Enclosed, Lacking | LoadFailed, Needs> {
    const { mode, network = false, folders = [] } = sandbox
    const hasNetwork = network || isBuilder
    if (mode === "none" && Object.keys(limits).length === 0) return { command }
    if (mode !== "none" && port !== undefined && !network) {
      return yield* new Lacking({ why: "config.port leads nowhere without a network", next: "write network: true in its sandbox" })
    }
    const named = yield* Effect.forEach(folders, Effect.fnUntraced(function*(text) {
      const [, from = "", access = "ro"] = /^(.+?)(?::(ro|rw))?$/u.exec(text) ?? []
      const to = yield* placeOf(source, "sandbox.folders", from)
      return { from: to, to, isWritable: access === "rw" } satisfies Mount
    }))
    const mounts: ReadonlyArray<Mount> = [
      ...code.map((from) => ({ from, to: from, isWritable: isBuilder })),
      ...own.map((from) => ({ from, to: from, isWritable: true })),
      ...named
    ]
    if (mode === "container") return yield* contained(command, { source, sandbox, limits, mounts, hasNetwork, port })
    const kept = limiting(limits, mode === "process", yield* means)
    if (kept instanceof Lacking) return yield* kept
    const program: Program = mode === "none" ? command : bubblewrap(
      { ...yield* wallsFor(command, mounts, hasNetwork), ...(isBuilder ? { scratch: SCRATCH.builder } : {}), ...(kept.processes === undefined ? {} : { processes: kept.processes }) },
      command
    )
    const after = leaving(kept)
    const walls = mode === "none" ? [] : [`bubblewrap: ${hasNetwork ? "network" : "no network"}, user ${USER}, read-only system${named.length === 0 ? "" : `, sees ${folders.join(" ")}`}`]
    return {
      command: {
        ...command,
        ...entering(kept, program),
        after: [...(command.after ?? []), ...(after === undefined ? [] : [after])],
        isWrapped: mode === "process"
      },
      inForce: [...walls, ...kept.inForce].join("; ")
    }
  })

  const once = Effect.fnUntraced(function*(command: Command, asked: Asked) {
    const enclosed = namedApart((yield* enclose(command, asked)).command, crypto.randomUUID())
    const { after = [] } = enclosed
    yield* Effect.addFinalizer(() => Effect.forEach(after, ({ args, command, environment }) =>
      Effect.ignore(Effect.scoped(Effect.flatMap(ChildProcess.make(command, [...args], { env: environment, stdin: "ignore", stdout: "ignore", stderr: "ignore" }), (child) => child.exitCode)))))
    return enclosed
  })

  return Sandboxes.of({
    enclose: (command, asked) => Effect.provideContext(enclose(command, asked), services),
    once: (command, asked) => Effect.provide(once(command, asked), services)
  })
}))
