/**
 * Finds the processes that a child has left outside its group, such as daemons in a session of their own: all
 * that came from it have its mark in their environment, unless they took it out. Where there is no /proc, none.
 */
import { readdirSync, readFileSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"

/** The variable that is a child's mark; its value is a name of that child alone. */
export const MARK = "MANIFOLD_INSTANCE"

const isProcess = (name: string): boolean => /^\d+$/u.test(name)

const hasMark = (environment: Buffer, marks: ReadonlyArray<string>): boolean =>
  marks.some((mark) => environment.includes(`${MARK}=${mark}\0`))

const kill = (pid: string) => {
  try {
    process.kill(Number(pid), "SIGKILL")
  } catch {
    // Gone between the look and the signal.
  }
}

/** Ends what has this mark. */
export const endStrays = async (mark: string): Promise<void> => {
  const names = await readdir("/proc").catch(() => [])
  await Promise.all(names.filter(isProcess).map(async (pid) => {
    const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined)
    if (environment !== undefined && hasMark(environment, [mark])) kill(pid)
  }))
}

/** The same for several at once, where nothing can be waited for. */
export const endStraysNow = (marks: ReadonlyArray<string>): void => {
  if (marks.length === 0) return
  for (const pid of list().filter(isProcess)) {
    try {
      if (hasMark(readFileSync(`/proc/${pid}/environ`), marks)) kill(pid)
    } catch {
      // Another user's, or gone.
    }
  }
}

const list = (): ReadonlyArray<string> => {
  try {
    return readdirSync("/proc")
  } catch {
    return []
  }
}
