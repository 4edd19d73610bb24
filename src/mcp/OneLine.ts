/** JSON text on one line: breaks stand only between its tokens, and would end an event or a message on stdio. */
import type { Chunk } from "./Exchange.ts"

const BREAKS = /[\r\n]/gu

export const oneLine = (text: string): string => text.replace(BREAKS, " ")

export const oneLineOf = (chunk: Chunk): Chunk => {
  if (typeof chunk === "string") return oneLine(chunk)
  return chunk.includes(0x0a) || chunk.includes(0x0d) ? oneLine(chunk.toString("utf8")) : chunk
}
