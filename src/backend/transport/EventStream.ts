/** Reads Server-Sent Events (WHATWG HTML, 9.2.6) from chunks, each event with a limit on its size. */
import { lineReader } from "../../lib/LineReader.ts"

export interface ServerEvent {
  readonly event: string
  readonly data: Buffer
}

/** What a stream said about coming back to it. */
export interface Position {
  lastEventId: string | undefined
  /** Milliseconds. */
  retry: number
}

const DATA = Buffer.from("data:")
const COLON = 0x3a
const SPACE = 0x20

/** Most lines of one event: empty ones have no size, but a place in memory. */
const LINES = 100_000

/** Shortest pause, in milliseconds, that a server may ask for before its stream is taken up again. */
const SHORTEST_RETRY = 100

/**
 * @param limit largest event in bytes
 * @param event gets each event that has data
 * @param overflow called once when an event passes the limit
 * @param position kept up to date with `id` and `retry`
 */
export const eventReader = (
  limit: number,
  event: (event: ServerEvent) => void,
  overflow: () => void,
  position: Position = { lastEventId: undefined, retry: 1000 }
) => {
  let type = "message"
  let data: Array<Buffer> = []
  let size = 0
  let over = false

  const tooLarge = () => {
    over = true
    data = []
    overflow()
  }

  const field = (line: Buffer) => {
    if (over || line[0] === COLON) return
    if (line.indexOf(DATA) === 0) {
      const value = line.subarray(line[DATA.length] === SPACE ? DATA.length + 1 : DATA.length)
      size += value.length
      if (size > limit || data.length >= LINES) return tooLarge()
      data.push(value)
      return
    }
    const text = line.toString("utf8")
    if (text.startsWith("event:")) type = text.slice(6).trim()
    if (text.startsWith("id:")) position.lastEventId = text.slice(3).trim()
    if (/^retry: ?\d{1,6}$/u.test(text)) position.retry = Math.max(SHORTEST_RETRY, Number(text.slice(6)))
  }

  const dispatch = () => {
    if (size > 0 && !over) event({ event: type, data: data.length === 1 && data[0] !== undefined ? data[0] : joined(data) })
    type = "message"
    data = []
    size = 0
  }

  return lineReader(limit + DATA.length + 1, field, tooLarge, dispatch)
}

const joined = (lines: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat(lines.flatMap((line, index) => index === 0 ? [line] : [Buffer.from("\n"), line]))
