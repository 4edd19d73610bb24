/** Time on the processor of all threads of a process, in microseconds, as Linux counts it. */
import { readdirSync, readFileSync } from "node:fs"

export const processorTime = (pid: number): number => {
  const nanos = readdirSync(`/proc/${pid}/task`).map((task) => nanosOf(`/proc/${pid}/task/${task}/schedstat`))
  const total = nanos.reduce((sum, each) => sum + each, 0)
  return total > 0 ? total / 1000 : ticksOf(pid) * 10_000
}

/** 0 for a thread that has just ended, and where the kernel keeps no such statistics. */
const nanosOf = (path: string): number => {
  try {
    return Number(readFileSync(path, "latin1").split(" ")[0])
  } catch {
    return 0
  }
}

/** User and system time by the clock tick of 10 ms. */
const ticksOf = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return Number(fields[11]) + Number(fields[12])
}
