/**
 * The share of lines of src/ and plugins/ that tests ran, per folder; fails below 90 %.
 *
 * vitest counts what runs in its own processes. A gateway started by a test runs the same
 * .ts files (type stripping keeps every offset), so V8's own counts of it are added here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const threshold = 90

interface Position {
  readonly line: number
  readonly column: number
}
interface FileCoverage {
  readonly statementMap: Readonly<Record<string, { readonly start: Position }>>
  readonly s: Readonly<Record<string, number>>
}
interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}
interface Script {
  readonly url: string
  readonly functions: ReadonlyArray<{ readonly ranges: ReadonlyArray<Range> }>
}

/** How often the code at `offset` ran: the count of the narrowest range around it. */
export const countAt = (script: Script, offset: number): number => {
  let narrowest: Range | undefined
  for (const { ranges } of script.functions) {
    for (const range of ranges) {
      if (offset < range.startOffset || offset >= range.endOffset) continue
      const width = range.endOffset - range.startOffset
      if (narrowest === undefined || width <= narrowest.endOffset - narrowest.startOffset) narrowest = range
    }
  }
  return narrowest?.count ?? 0
}

/** Lines of one file: true where a statement that starts there ran, in vitest or in one of the processes. */
export const linesOf = (file: FileCoverage, text: string, scripts: ReadonlyArray<Script>): ReadonlyMap<number, boolean> => {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  const lines = new Map<number, boolean>()
  for (const [id, { start }] of Object.entries(file.statementMap)) {
    const offset = (starts[start.line - 1] ?? 0) + start.column
    const ran = (file.s[id] ?? 0) > 0 || scripts.some((script) => countAt(script, offset) > 0)
    lines.set(start.line, ran || lines.get(start.line) === true)
  }
  return lines
}

/** What the started processes ran, by absolute path; a process that was killed hard has left nothing. */
const scriptsBelow = (directory: string): ReadonlyMap<string, ReadonlyArray<Script>> => {
  const found = new Map<string, Array<Script>>()
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    let dump: { readonly result: ReadonlyArray<Script> }
    try {
      dump = JSON.parse(readFileSync(join(directory, name), "utf8"))
    } catch {
      continue
    }
    for (const script of dump.result) {
      if (!/^file:.*\/(?:src|plugins)\/.*\.ts$/u.test(script.url)) continue
      const path = fileURLToPath(script.url)
      found.set(path, [...(found.get(path) ?? []), script])
    }
  }
  return found
}

const folderOf = (path: string) => path.split("/").slice(0, 2).filter((part) => !part.endsWith(".ts")).join("/")

const report = (root: string): number => {
  const files: Record<string, FileCoverage> = JSON.parse(readFileSync("coverage/report/coverage-final.json", "utf8"))
  const processes = scriptsBelow("coverage/processes")
  const folders = new Map<string, { ran: number; all: number }>()
  const total = { ran: 0, all: 0 }
  for (const [path, file] of Object.entries(files)) {
    const folder = folderOf(relative(root, path))
    const sum = folders.get(folder) ?? { ran: 0, all: 0 }
    folders.set(folder, sum)
    const lines = linesOf(file, readFileSync(path, "utf8"), processes.get(path) ?? [])
    const ran = [...lines.values()].filter(Boolean).length
    for (const each of [sum, total]) {
      each.ran += ran
      each.all += lines.size
    }
    const missed = [...lines].filter(([, did]) => !did).map(([line]) => line)
    if (process.argv.includes("--files") && missed.length > 0) console.log(`${relative(root, path)}: ${missed.join(" ")}`)
  }
  const share = ({ all, ran }: typeof total) => all === 0 ? 100 : (100 * ran) / all
  for (const [folder, sum] of [...folders].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`${folder.padEnd(24)} ${share(sum).toFixed(1).padStart(5)} % of ${sum.all} lines`)
  }
  console.log(`${"all".padEnd(24)} ${share(total).toFixed(1).padStart(5)} % of ${total.all} lines (at least ${threshold} % wanted)`)
  return share(total)
}

if (import.meta.main) process.exitCode = report(process.cwd()) >= threshold ? 0 : 1
