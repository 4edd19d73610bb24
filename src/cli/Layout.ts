/** Text laid out for a terminal of 80 to 120 columns, free of what could steer it. */
import { printable } from "../lib/Printable.ts"

/** How wide lines may be; a pipe counts as 100 columns. */
export const width = (): number => Math.min(120, Math.max(80, process.stdout.columns ?? 100))

/** On one line. */
export const oneLine = (text: string): string => printable(text).replaceAll(/\s+/gu, " ").trim()

/** Rows as columns two spaces apart; the last column is left as long as it is. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<ReadonlyArray<number>>(
    (most, row) => Array.from({ length: Math.max(most.length, row.length) }, (_, index) => Math.max(most[index] ?? 0, (row[index] ?? "").length)),
    []
  )
  return rows.map((row) => row.map((cell, index) => index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd())
}

/** Words filled into lines; `first` opens the first one, the others are indented as far. */
export const wrapped = (first: string, text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = first
  let isOpen = false
  for (const word of oneLine(text).split(" ")) {
    if (isOpen && line.length + 1 + word.length > width) {
      lines.push(line)
      line = " ".repeat(first.length)
      isOpen = false
    }
    line = isOpen ? `${line} ${word}` : line + word
    isOpen = true
  }
  return [...lines, line.trimEnd()]
}

/** `2m ago`; in one unit, since nobody needs two. */
export const ago = (since: string, now: number): string => {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000))
  if (Number.isNaN(seconds)) return "-"
  if (seconds < 60) return `${seconds}s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`
  return `${Math.floor(seconds / 86_400)}d ago`
}

/** `1 tool`, `2 tools`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`
