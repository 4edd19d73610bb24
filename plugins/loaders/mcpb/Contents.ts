/**
 * The list of contents at the end of a zip archive (APPNOTE 6.3.10, 4.3.12 and 4.3.16). It alone says what is a program
 * and what a link, and the files are held against it: an archive that reads in two ways is none.
 */
import { Effect, FileSystem, Option } from "effect"

export interface Listed {
  readonly isProgram: boolean
}

export type Contents = ReadonlyMap<string, Listed>

export const MOST_FILES = 50_000
const LARGEST_LIST = 16 * 1024 * 1024

const END = 0x06054b50
const END_LENGTH = 22
const LONGEST_COMMENT = 0xffff
const ENTRY = 0x02014b50
const ENTRY_LENGTH = 46
const UNIX = 3
const KIND = 0o170000
const KINDS = new Set([0, 0o100000, 0o040000])

/** What each path is; or why the archive is refused. */
export const contentsOf = Effect.fnUntraced(function*(file: string) {
  const files = yield* FileSystem.FileSystem
  const opened = yield* files.open(file, { flag: "r" })
  const size = Number((yield* opened.stat).size)
  const read = Effect.fnUntraced(function*(from: number, length: number) {
    yield* opened.seek(BigInt(from), "start")
    return Buffer.from(Option.getOrElse(yield* opened.readAlloc(length), () => new Uint8Array()))
  })
  const tailAt = Math.max(0, size - END_LENGTH - LONGEST_COMMENT)
  const tail = yield* read(tailAt, size - tailAt)
  const end = tail.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"))
  if (end === -1 || end + END_LENGTH > tail.length || tail.readUInt32LE(end) !== END) return refused("it is no zip archive")
  const [count, length, from] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)]
  if (count > MOST_FILES) return refused(`it has more than ${MOST_FILES} files`)
  if (length > LARGEST_LIST || from + length > size) return refused("its list of contents lies outside of it, or is too long")
  return listedIn(yield* read(from, length), count)
}, Effect.scoped)

const refused = (why: string) => ({ refused: why })

const listedIn = (list: Buffer, count: number): { readonly refused: string } | { readonly contents: Contents } => {
  const contents = new Map<string, Listed>()
  let at = 0
  for (let index = 0; index < count; index++) {
    if (at + ENTRY_LENGTH > list.length || list.readUInt32LE(at) !== ENTRY) return refused("its list of contents is damaged")
    const [name, extra, comment] = [list.readUInt16LE(at + 28), list.readUInt16LE(at + 30), list.readUInt16LE(at + 32)]
    const path = list.toString("utf8", at + ENTRY_LENGTH, at + ENTRY_LENGTH + name)
    const mode = list[at + 5] === UNIX ? list.readUInt16LE(at + 40) : 0
    if (!KINDS.has(mode & KIND)) return refused(`${JSON.stringify(path)} is a link, or something else that is no file`)
    if (contents.has(path)) return refused(`it has ${JSON.stringify(path)} twice`)
    contents.set(path, { isProgram: (mode & 0o100) !== 0 })
    at += ENTRY_LENGTH + name + extra + comment
  }
  return { contents }
}
