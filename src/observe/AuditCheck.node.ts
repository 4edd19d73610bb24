/** Reads the audit from its first record to its last, and says where the chain breaks. */
import { createReadStream } from "node:fs"
import { basename } from "node:path"
import { auditFiles } from "./AuditFiles.node.ts"
import { BEGINNING, hashOf, type Line, readLine } from "./AuditLines.node.ts"

/** One record, by its number and the hash of its line. */
export interface Known {
  readonly seq: number
  readonly hash: string
}

export interface Break {
  readonly file: string
  readonly line: number
  readonly why: string
}

export interface Checked {
  readonly records: number
  readonly files: number
  /** Absent where there are none. */
  readonly last?: Known & { readonly time: string }
  /** Number of the first record; another than 1 where what came before it is gone. */
  readonly from: number
  /** Records that the gateway says it could not write. */
  readonly lost: number
  /** The last line is not whole: the gateway is writing it, or was stopped while it did. */
  readonly torn: boolean
  readonly broken?: Break
}

/** @param known a record that was noted elsewhere, which has to be in the chain as it was */
export const checkAudit = async (directory: string, known?: Known): Promise<Checked> => {
  const paths = await auditFiles(directory)
  const newest = paths[paths.length - 1]
  let checked: Checked = { records: 0, files: paths.length, from: 1, lost: 0, torn: false }
  let isKnown = known === undefined
  for (const path of paths) {
    let line = 0
    for await (const { isWhole, text } of linesOf(path)) {
      line++
      if (!isWhole && path === newest) {
        checked = { ...checked, torn: true }
        continue
      }
      const record = readLine(text)
      const why = record === undefined ? "is no record" : breakAt(record, checked.last)
      if (record === undefined || why !== undefined) return { ...checked, broken: { file: basename(path), line, why: why ?? "" } }
      const last = { seq: record.seq, hash: hashOf(text), time: record.time }
      if (known?.seq === last.seq) {
        if (known.hash !== last.hash) return { ...checked, broken: { file: basename(path), line, why: "is another record than the one that is known" } }
        isKnown = true
      }
      checked = { ...checked, records: checked.records + 1, from: checked.last === undefined ? record.seq : checked.from, lost: checked.lost + record.lost, last }
    }
  }
  if (isKnown) return checked
  return { ...checked, broken: { file: basename(newest ?? directory), line: 0, why: `ends without record ${known?.seq}, which is known` } }
}

const breakAt = ({ prev, seq }: Line, last: Known | undefined): string | undefined => {
  if (last === undefined) return seq === 1 && prev !== BEGINNING ? "does not begin the chain" : undefined
  if (prev !== last.hash) return "does not follow the record before it: one of the two was changed, or some between them are gone"
  return seq === last.seq + 1 ? undefined : `has the number ${seq}, expected ${last.seq + 1}`
}

async function* linesOf(path: string) {
  let rest = ""
  for await (const chunk of createReadStream(path, "utf8")) {
    const parts = (rest + String(chunk)).split("\n")
    rest = parts.pop() ?? ""
    for (const text of parts) yield { text, isWhole: true }
  }
  if (rest !== "") yield { text: rest, isWhole: false }
}
