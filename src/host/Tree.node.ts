/**
 * The hash of a folder: every file's path, bytes and whether it is executable, every link's target. Times and owners
 * do not count. It reads a few files at once and large ones piece by piece, so that calls go on meanwhile.
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { chmod, lstat, readdir, readFile, readlink } from "node:fs/promises"
import { join } from "node:path"

/** How many files are read at once, and from which size on, in bytes, piece by piece. */
const AT_ONCE = 8
const LARGE = 1024 * 1024

const FILE_TYPE = 0o170000
const REGULAR = 0o100000

/** A line for each file and link below, in one order on every machine. */
export const treeLines = async (directory: string, leftOut: ReadonlySet<string> = new Set()): Promise<ReadonlyArray<string>> => {
  const paths = await pathsIn(directory, "", leftOut)
  const lines = new Map<string, string>()
  const queue = paths.values()
  const work = async () => {
    for (const path of queue) lines.set(path, await lineOf(directory, path))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return paths.map((path) => lines.get(path) ?? "")
}

export const treeHash = (lines: ReadonlyArray<string>): string => {
  const whole = createHash("sha256")
  for (const line of lines) whole.update(`${line}\n`)
  return `sha256:${whole.digest("hex")}`
}

/** Takes the right to write away from every file; folders keep theirs, so that the whole can be removed. */
export const seal = async (directory: string): Promise<void> => {
  for (const path of await pathsIn(directory, "", new Set())) {
    const { mode } = await lstat(join(directory, path))
    // The mode of a link is that of its target, which may lie elsewhere.
    if ((mode & FILE_TYPE) === REGULAR) await chmod(join(directory, path), (mode & 0o100) === 0 ? 0o400 : 0o500)
  }
}

const pathsIn = async (directory: string, below: string, leftOut: ReadonlySet<string>): Promise<ReadonlyArray<string>> => {
  const entries = (await readdir(join(directory, below), { withFileTypes: true })).filter(({ name }) => !leftOut.has(name))
  const found: Array<string> = []
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) found.push(...await pathsIn(directory, path, leftOut))
    else found.push(path)
  }
  return found
}

const lineOf = async (directory: string, path: string): Promise<string> => {
  const file = join(directory, path)
  const about = await lstat(file)
  const name = JSON.stringify(path)
  if (about.isSymbolicLink()) return `link ${name} ${JSON.stringify(await readlink(file))}`
  if (!about.isFile()) return `other ${name}`
  const hash = createHash("sha256")
  if (about.size < LARGE) hash.update(await readFile(file))
  else for await (const chunk of createReadStream(file, { highWaterMark: LARGE })) hash.update(chunk)
  return `${(about.mode & 0o100) === 0 ? "file" : "program"} ${name} ${hash.digest("hex")}`
}
