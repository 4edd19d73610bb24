/**
 * The command line of bubblewrap (bwrap(1)): namespaces of its own for everything, a user of its own, no capability,
 * a system that cannot be written, and of the rest of the machine only what is named.
 */
import type { Mount } from "../../plugin/container/Places.ts"
import type { Program } from "./Entering.ts"

/** A folder or link at the root of this machine's system. */
export type SystemPart = { readonly at: string; readonly to?: string }

export interface Walls {
  readonly system: ReadonlyArray<SystemPart>
  /** Seen where they are, when they are there. */
  readonly configuration: ReadonlyArray<string>
  /** What /etc/passwd and /etc/group say inside. */
  readonly users: { readonly passwd: string; readonly group: string }
  readonly mounts: ReadonlyArray<Mount>
  /** Folders that look empty although what is around them is seen. */
  readonly hidden: ReadonlyArray<string>
  readonly hasNetwork: boolean
  /** Most bytes of /tmp. */
  readonly scratch: number
  readonly directory: string
  /** Whether that is a folder of its own, with nothing in it but what is mounted there. */
  readonly isEmpty?: boolean
  /** Most processes, where a control group does not say it. */
  readonly processes?: number
}

/** Nobody's, inside; outside it is the gateway's own user. */
export const USER = 65534

export const bubblewrap = (walls: Walls, { args, command }: Program): Program => ({
  command: "bwrap",
  args: [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"],
    ...(walls.hasNetwork ? ["--share-net"] : []),
    ...["--uid", String(USER), "--gid", String(USER), "--hostname", "manifold", "--cap-drop", "ALL"],
    ...walls.system.flatMap(({ at, to }) => to === undefined ? ["--ro-bind", at, at] : ["--symlink", to, at]),
    ...walls.configuration.flatMap((file) => ["--ro-bind-try", file, file]),
    ...["--ro-bind", walls.users.passwd, "/etc/passwd", "--ro-bind", walls.users.group, "/etc/group"],
    ...["--proc", "/proc", "--dev", "/dev", "--dir", "/run"],
    ...["/tmp", "/var/tmp"].flatMap((folder) => ["--size", String(walls.scratch), "--tmpfs", folder]),
    ...(walls.isEmpty === true ? ["--dir", walls.directory] : []),
    ...inOrder(walls),
    // Folders that only lead to what is seen are nobody's to write.
    ...["--remount-ro", "/"],
    ...["--chdir", walls.directory, "--"],
    ...(walls.processes === undefined ? [] : ["prlimit", `--nproc=${walls.processes}`, "--"]),
    command,
    ...args
  ]
})

/** What lies in something else comes after it; what is written comes after what is only seen at the same place. */
const inOrder = ({ hidden, mounts }: Walls): ReadonlyArray<string> =>
  [
    ...mounts.map(({ from, isWritable, to }) => ({ to, rank: isWritable ? 2 : 0, options: [isWritable ? "--bind" : "--ro-bind", from, to] })),
    ...hidden.map((to) => ({ to, rank: 1, options: ["--tmpfs", to] }))
  ]
    .toSorted((a, b) => depth(a.to) - depth(b.to) || a.rank - b.rank)
    .flatMap(({ options }) => options)

const depth = (path: string) => path.split("/").filter((part) => part !== "").length
