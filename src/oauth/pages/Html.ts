/** HTML out of templates in which every text is escaped; only what such a template made goes in as it is. */
import { printable } from "../../lib/Printable.ts"

export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

type Piece = string | number | Html | ReadonlyArray<Html>

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;", "`": "&#96;" }

/** As text or as the value of a quoted attribute; without what would turn or hide the text around it. */
export const escaped = (text: string): string => printable(text).replaceAll(/[&<>"'`]/gu, (character) => ENTITIES[character] ?? "")

const shown = (piece: Piece): string => {
  if (piece instanceof Html) return String(piece)
  return Array.isArray(piece) ? piece.map(String).join("") : escaped(String(piece))
}

export const html = (strings: TemplateStringsArray, ...pieces: ReadonlyArray<Piece>): Html =>
  new Html(strings.map((text, index) => index === 0 ? text : shown(pieces[index - 1] ?? "") + text).join(""))

export const nothing = new Html("")
