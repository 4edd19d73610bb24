/**
 * The share of lines of src/ and plugins/ that tests ran, per folder; fails below 90 %.
 *
 * vitest counts what runs in its own processes. A gateway started by a test is the bundle, or the
 * .ts files themselves (type stripping keeps every offset): V8's own counts of either are added here.
 */
import { generatedPositionFor, LEAST_UPPER_BOUND, TraceMap } from "@jridgewell/trace-mapping"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const threshold = 90
const bundle = "dist/manifold.mjs"

export interface Position {
  /** From 1. */
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

/**
 * Those of the offsets whose code ran: where the narrowest range around them has a count.
 * @param offsets in ascending order
 */
export const ranAt = ({ functions }: Script, offsets: ReadonlyArray<number>): ReadonlyArray<number> => {
  const ranges = functions.flatMap(({ ranges }) => ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const around: Array<Range> = []
  let next = 0
  return offsets.filter((offset) => {
    for (let range = ranges[next]; range !== undefined && range.startOffset <= offset; range = ranges[++next]) {
      leave(around, range.startOffset)
      around.push(range)
    }
    leave(around, offset)
    return (around.at(-1)?.count ?? 0) > 0
  })
}

const leave = (around: Array<Range>, offset: number) => {
  for (let last = around.at(-1); last !== undefined && last.endOffset <= offset; last = around.at(-1)) around.pop()
}

/** Where each line of a text starts. */
const startsOf = (text: string): ReadonlyArray<number> => {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return starts
}

/** Lines of one file: true where a statement that starts there ran, in vitest or in one of the processes. */
export const linesOf = (file: FileCoverage, ranOutside: (start: Position) => boolean): ReadonlyMap<number, boolean> => {
  const lines = new Map<number, boolean>()
  for (const [id, { start }] of Object.entries(file.statementMap)) {
    const ran = (file.s[id] ?? 0) > 0 || ranOutside(start)
    lines.set(start.line, ran || lines.get(start.line) === true)
  }
  return lines
}

/** Finds the offset of what stands at a position of a source; nothing where there is no code of it. */
type Placing = (path: string) => (start: Position) => number | undefined

const inBundle = (): Placing => {
  if (!existsSync(`${bundle}.map`)) return () => () => undefined
  const map = new TraceMap(readFileSync(`${bundle}.map`, "utf8"), resolve(`${bundle}.map`))
  const starts = startsOf(readFileSync(bundle, "utf8"))
  return (source) => (start) => {
    const place = generatedPositionFor(map, { source, ...start, bias: LEAST_UPPER_BOUND })
    return place.line === null ? undefined : (starts[place.line - 1] ?? 0) + place.column
  }
}

const inItself: Placing = (path) => {
  const starts = startsOf(readFileSync(path, "utf8"))
  return ({ column, line }) => (starts[line - 1] ?? 0) + column
}

/** What the started processes left; one that was killed hard has left nothing. */
const dumpsIn = function*(directory: string): Generator<Script> {
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    try {
      const dump: { readonly result: ReadonlyArray<Script> } = JSON.parse(readFileSync(join(directory, name), "utf8"))
      yield* dump.result
    } catch {
      continue
    }
  }
}

/** Whether one of the started processes ran what stands there, for each of the files. */
const ranInProcesses = (files: Readonly<Record<string, FileCoverage>>): (path: string, start: Position) => boolean => {
  const bundled = inBundle()
  const placed = new Map<string, Map<number, Array<string>>>()
  for (const [path, { statementMap }] of Object.entries(files)) {
    for (const [script, find] of [[resolve(bundle), bundled(path)], [path, inItself(path)]] as const) {
      const offsets = placed.get(script) ?? new Map<number, Array<string>>()
      placed.set(script, offsets)
      for (const { start } of Object.values(statementMap)) {
        const offset = find(start)
        if (offset !== undefined) offsets.set(offset, [...(offsets.get(offset) ?? []), nameOf(path, start)])
      }
    }
  }
  const sorted = new Map([...placed].map(([script, offsets]) => [script, [...offsets.keys()].sort((a, b) => a - b)]))
  const ran = new Set<string>()
  for (const script of dumpsIn("coverage/processes")) {
    const path = script.url.startsWith("file:") ? fileURLToPath(script.url) : ""
    const offsets = sorted.get(path)
    if (offsets === undefined) continue
    for (const offset of ranAt(script, offsets)) placed.get(path)?.get(offset)?.forEach((name) => ran.add(name))
  }
  return (path, start) => ran.has(nameOf(path, start))
}

const nameOf = (path: string, { column, line }: Position) => `${path}:${line}:${column}`

const folderOf = (path: string) => path.split("/").slice(0, 2).filter((part) => !part.endsWith(".ts")).join("/")

const report = (root: string): number => {
  const files: Record<string, FileCoverage> = JSON.parse(readFileSync("coverage/report/coverage-final.json", "utf8"))
  const ranOutside = ranInProcesses(files)
  const folders = new Map<string, { ran: number; all: number }>()
  const total = { ran: 0, all: 0 }
  for (const [path, file] of Object.entries(files)) {
    const folder = folderOf(relative(root, path))
    const sum = folders.get(folder) ?? { ran: 0, all: 0 }
    folders.set(folder, sum)
    const lines = linesOf(file, (start) => ranOutside(path, start))
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
