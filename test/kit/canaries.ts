/** Texts that may be seen in no place but their own: every credential that somebody shows to the gateway, in all forms that it could be copied in. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

export interface Canaries {
  /** A secret and what it is, for the message; of a JWT the parts that are its own are looked for too. */
  readonly add: (what: string, secret: string) => void
  /** What of them is in a text, by what they are. */
  readonly foundIn: (text: string) => ReadonlyArray<string>
  readonly count: () => number
}

/** Shorter ones could be in any text. */
const SHORTEST = 12

const formsOf = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret)
  // Base64 of a text with something before it differs in its first characters only.
  const shifted = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/u, "").slice(shift === 0 ? 0 : 4, -2))
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), ...shifted, ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))]
}

const partsOf = (secret: string): ReadonlyArray<string> => {
  const [, payload, signature] = /^[\w-]+\.([\w-]+)\.([\w-]+)$/u.exec(secret) ?? []
  return payload === undefined || signature === undefined ? [secret] : [payload, signature]
}

export const canaries = (): Canaries => {
  const all = new Map<string, string>()
  return {
    add: (what, secret) => {
      for (const part of partsOf(secret).filter(({ length }) => length >= SHORTEST)) for (const form of formsOf(part)) all.set(form, what)
    },
    foundIn: (text) => [...new Set([...all].filter(([form]) => text.includes(form)).map(([, what]) => what))],
    count: () => all.size
  }
}

/** All files below a folder, as text. */
export const textOfFiles = (directory: string): string =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n")
