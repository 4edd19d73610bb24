/** The processes of this machine, as /proc has them (proc(5)); where there is no /proc, there is none. */
import { readdirSync, readFileSync } from "node:fs"

export interface ProcessStat {
  readonly group: number
  /** Clock ticks since boot at which it started; tells two users of one pid apart. */
  readonly started: string
}

/** From /proc/PID/stat (proc(5)): field 5 is the group, field 22 the start time; `undefined` when there is no such process. */
export const statOf = (pid: number | string): ProcessStat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1")
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" ? undefined : { group: Number(fields[2]), started: fields[19] ?? "" }
  } catch {
    return undefined
  }
}

export const startOf = (pid: number): string => statOf(pid)?.started ?? ""

const pids = (): ReadonlyArray<string> => {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/u.test(name))
  } catch {
    return []
  }
}

/** The living processes of a group, but for its leader. */
export const membersOf = (group: number): ReadonlyArray<number> =>
  pids().filter((pid) => Number(pid) !== group && statOf(pid)?.group === group).map(Number)

export const groupIsAlive = (group: number, started: string): boolean => {
  const leader = statOf(group)
  if (leader !== undefined) return leader.started === started
  return membersOf(group).length > 0
}
