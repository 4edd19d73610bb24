/**
 * Splits chunks into lines in linear time: only the new chunk is searched, and
 * a line of many chunks is joined once. The limit counts before joining.
 */
const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * @param limit longest line in bytes, without its end
 * @param line gets each line without its end (`\n` or `\r\n`)
 * @param overflow called once when a line passes the limit; nothing is read after it
 * @param blank called for each empty line; by default they are skipped
 */
export const lineReader = (
  limit: number,
  line: (bytes: Buffer) => void,
  overflow: () => void,
  blank: () => void = () => {}
) => {
  let parts: Array<Buffer> = []
  let held = 0
  let over = false

  const finish = (last: Buffer) => {
    let whole = last
    if (held > 0) {
      parts.push(last)
      whole = Buffer.concat(parts)
      parts = []
      held = 0
    }
    const end = whole.length > 0 && whole[whole.length - 1] === RETURN ? whole.length - 1 : whole.length
    if (end === 0) blank()
    else line(end === whole.length ? whole : whole.subarray(0, end))
  }

  return (chunk: Buffer) => {
    let from = 0
    while (!over) {
      const at = chunk.indexOf(NEWLINE, from)
      const end = at === -1 ? chunk.length : at
      if (held + end - from > limit) {
        over = true
        parts = []
        overflow()
        return
      }
      const piece = chunk.subarray(from, end)
      if (at === -1) {
        if (piece.length > 0) parts.push(piece)
        held += piece.length
        return
      }
      finish(piece)
      from = at + 1
    }
  }
}
