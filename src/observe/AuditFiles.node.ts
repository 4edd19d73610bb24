/**
 * The files of the audit, one a day (UTC), that only their owner can read. They are only added to;
 * but a line that was cut short, by a crash or a full disk, is taken away before the next one.
 */
import { type FileHandle, mkdir, open, readdir } from "node:fs/promises"
import { join } from "node:path"
import { BEGINNING, hashOf, lineOf, type Pending, type Place, readLine } from "./AuditLines.node.ts"

export const auditDirectory = (dataDirectory: string): string => join(dataDirectory, "audit")

const NAME = /^\d{4}-\d{2}-\d{2}\.jsonl$/u

/** The oldest first. */
export const auditFiles = async (directory: string): Promise<ReadonlyArray<string>> =>
  (await readdir(directory)).filter((name) => NAME.test(name)).sort().map((name) => join(directory, name))

/** More than the longest line. */
const TAIL = 1024 * 1024

interface File {
  readonly day: string
  readonly handle: FileHandle
  /** Bytes of whole lines. */
  length: number
}

export class AuditFiles {
  readonly #directory: string
  #file: File | undefined
  /** Of the next record. */
  #place: Place = { seq: 1, prev: BEGINNING }
  #isTorn = false

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Finds the end of the chain; gives the bytes of a line that was cut short, and is gone. */
  async open(): Promise<number> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    let torn = 0
    for (const path of [...await auditFiles(this.#directory)].reverse()) {
      const end = await endOf(path)
      torn += end.torn
      if (end.line === undefined) continue
      this.#place = { seq: (readLine(end.line)?.seq ?? 0) + 1, prev: hashOf(end.line) }
      break
    }
    return torn
  }

  /** Writes records of one day (2026-11-21) in their order; all of them, or none. */
  async append(day: string, records: ReadonlyArray<Pending>): Promise<void> {
    const file = await this.#fileOf(day)
    let place = this.#place
    let text = ""
    for (const record of records) {
      const line = lineOf(record, place)
      place = { seq: place.seq + 1, prev: hashOf(line) }
      text += `${line}\n`
    }
    await this.#mend()
    this.#isTorn = true
    await file.handle.appendFile(text)
    this.#isTorn = false
    file.length += Buffer.byteLength(text)
    this.#place = place
  }

  /** Takes away what a failed attempt has left. */
  async #mend(): Promise<void> {
    if (this.#isTorn) await this.#file?.handle.truncate(this.#file.length)
    this.#isTorn = false
  }

  async close(): Promise<void> {
    await this.#mend()
    const file = this.#file
    this.#file = undefined
    await file?.handle.sync()
    await file?.handle.close()
  }

  async #fileOf(day: string): Promise<File> {
    if (this.#file?.day === day) return this.#file
    await this.close()
    const handle = await open(join(this.#directory, `${day}.jsonl`), "a", 0o600)
    this.#file = { day, handle, length: (await handle.stat()).size }
    return this.#file
  }
}

/** The last whole line of a file, which ends there from now on. */
const endOf = async (path: string): Promise<{ readonly line: string | undefined; readonly torn: number }> => {
  const handle = await open(path, "r+")
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - TAIL)
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - from), position: from })
    const bytes = buffer.subarray(0, bytesRead)
    const end = bytes.lastIndexOf(0x0a) + 1
    const torn = bytes.length - end
    if (torn > 0) await handle.truncate(from + end)
    if (end === 0) return { line: undefined, torn }
    const begin = bytes.lastIndexOf(0x0a, end - 2) + 1
    return { line: bytes.subarray(begin, end - 1).toString("utf8"), torn }
  } finally {
    await handle.close()
  }
}
