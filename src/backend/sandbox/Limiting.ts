/**
 * By which means a limit holds: a control group of the process's own, of version 2 or 1, or a limit of the process
 * itself (setrlimit(2)). What was written and cannot be had is an error; what only a sandbox adds is left out.
 */
import type { Limits } from "../../plugin/Loader.ts"
import { Lacking } from "./Sandbox.ts"

export type Controller = "memory" | "cpu" | "pids"

/** The folders below which control groups can be made. */
export interface Groups {
  readonly version: 1 | 2
  readonly folders: Readonly<Partial<Record<Controller, string>>>
}

export interface Means {
  readonly groups: Groups | undefined
  /** Whether the number of a user's processes can be limited: nobody limits root's. */
  readonly countsProcesses: boolean
}

/** What happens before the process runs, in that order. */
export interface Limiting {
  readonly folders: ReadonlyArray<string>
  /** File, and what is written into it. */
  readonly writes: ReadonlyArray<readonly [string, string]>
  /** Options of the shell's `ulimit`. */
  readonly shell: ReadonlyArray<readonly [string, string]>
  /** Most processes of its user, which only a user of its own makes its own. */
  readonly processes?: number
  readonly inForce: ReadonlyArray<string>
}

/** What a sandbox adds where the manifest says nothing. */
const USUAL: Required<Limits> = { memory: 512 * 1024 * 1024, cpu: 1, processes: 256, openFiles: 4096 }

const NAME = "manifold-{instance}"

/** How long, in microseconds, one share of the processors is. */
const PERIOD = 100_000

/** @param isEnclosed whether it is in a sandbox, with a user of its own */
export const limiting = (written: Limits, isEnclosed: boolean, { countsProcesses, groups }: Means): Limiting | Lacking => {
  const limits = isEnclosed ? { ...USUAL, ...written } : written
  const folders = new Set<string>()
  const writes: Array<readonly [string, string]> = []
  const shell: Array<readonly [string, string]> = [["-c", "0"]]
  const inForce: Array<string> = []
  const folderFor = (controller: Controller): string | undefined => {
    const folder = groups?.folders[controller]
    if (folder === undefined) return undefined
    folders.add(`${folder}/${NAME}`)
    return `${folder}/${NAME}`
  }
  const by = groups === undefined ? "" : ` (cgroup v${groups.version})`
  const file = (v2: string, v1: string) => groups?.version === 2 ? v2 : v1

  if (limits.memory !== undefined) {
    const folder = folderFor("memory")
    const text = `memory ${Math.round(limits.memory / 1024 / 1024)} MiB`
    if (folder !== undefined) {
      writes.push([`${folder}/${file("memory.max", "memory.limit_in_bytes")}`, String(limits.memory)])
      inForce.push(text + by)
    } else if (written.memory !== undefined) {
      shell.push(["-d", String(Math.floor(limits.memory / 1024))])
      inForce.push(`${text} of data for each process (rlimit)`)
    }
  }
  if (limits.cpu !== undefined) {
    const folder = folderFor("cpu")
    const quota = Math.max(1000, Math.round(limits.cpu * PERIOD))
    if (folder !== undefined && groups?.version === 2) writes.push([`${folder}/cpu.max`, `${quota} ${PERIOD}`])
    if (folder !== undefined && groups?.version === 1) writes.push([`${folder}/cpu.cfs_period_us`, String(PERIOD)], [`${folder}/cpu.cfs_quota_us`, String(quota)])
    if (folder !== undefined) inForce.push(`${limits.cpu} ${limits.cpu === 1 ? "processor" : "processors"}${by}`)
    else if (written.cpu !== undefined) return lacking("limits.cpu")
  }
  const countsItself = isEnclosed && countsProcesses
  if (limits.processes !== undefined) {
    const folder = folderFor("pids")
    if (folder !== undefined) writes.push([`${folder}/pids.max`, String(limits.processes)])
    if (folder !== undefined || countsItself) inForce.push(`${limits.processes} processes${folder === undefined ? " (rlimit)" : by}`)
    else if (written.processes !== undefined) return lacking("limits.processes")
  }
  if (limits.openFiles !== undefined) {
    shell.push(["-n", String(limits.openFiles)])
    inForce.push(`${limits.openFiles} open files`)
  }
  return {
    folders: [...folders],
    // Last: from then on it counts.
    writes: [...writes, ...[...folders].map((folder) => [`${folder}/cgroup.procs`, "0"] as const)],
    shell,
    inForce,
    ...(limits.processes !== undefined && groups?.folders.pids === undefined && countsItself ? { processes: limits.processes } : {})
  }
}

const lacking = (key: string) => new Lacking({
  why: `${key} cannot be kept here: the gateway may make no control groups`,
  next: `let it write below its own control group (with systemd: Delegate=yes), or leave ${key} out`
})
