/** Splits what a process writes for people into lines; a line beyond the limit is cut, and the next one is read again. */

/** @param limit longest line in characters */
export const logLines = (limit: number, line: (text: string) => void) => {
  const decoder = new TextDecoder()
  let held = ""
  return (chunk: Uint8Array): void => {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n")
    const whole = [held + first, ...others]
    held = (whole.pop() ?? "").slice(0, limit)
    for (const text of whole) {
      const clean = text.trimEnd()
      if (clean !== "") line(clean.slice(0, limit))
    }
  }
}
