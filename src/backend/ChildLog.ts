/** What of a child's output goes into the log: not more than people can read. */

/** Passes on at most 100 lines a second, then says how many it left out. */
export const rateLimited = (write: (line: string) => void) => {
  let second = 0
  let count = 0
  return (line: string) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      if (count > 100) write(`${count - 100} more lines on standard error were left out`)
      second = now
      count = 0
    }
    if (++count <= 100) write(line.slice(0, 2000))
  }
}

/** Counts lines that are no message; says so at the first and at each power of ten. */
export const garbageCounter = (write: (line: string) => void) => {
  let count = 0
  return () => {
    count++
    if (Number.isInteger(Math.log10(count))) write(`wrote ${count} line(s) on standard output that are no JSON-RPC message; skipped`)
  }
}
