/** The code blocks of a guide, so that a test can run what a reader would copy. */
import { readFileSync } from "node:fs"

export interface Block {
  readonly language: string
  readonly text: string
}

/** In their order. */
export const blocksOf = (file: string): ReadonlyArray<Block> =>
  [...readFileSync(file, "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gmu)].map(([, language = "", text = ""]) => ({ language, text }))
