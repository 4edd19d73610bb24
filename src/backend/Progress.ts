/** Progress notifications: the token in them, which each side has its own of. */
import { type Member, members, membersOf, valueOf, withValue } from "../lib/Json.ts"

const METHOD = "\"notifications/progress\""

const partsOf = (text: string) => membersOf(text, members(text) ?? [], "params")

/** Where the token stands in a progress notification. */
const progressTokenIn = (text: string): Member | undefined => partsOf(text).find(({ key }) => key === "progressToken")

/** The same, with how far it is; `undefined` for a notification without a token or a number. */
export const progressIn = (text: string): { readonly token: Member; readonly value: number } | undefined => {
  const parts = partsOf(text)
  const token = parts.find(({ key }) => key === "progressToken")
  const value = Number(valueOf(text, parts, "progress"))
  return token === undefined || Number.isNaN(value) ? undefined : { token, value }
}

/** A notification with another token, as JSON text; `undefined` for progress that nobody asked for. */
export const withProgressToken = (text: string, token: string | undefined): string | undefined => {
  if (!text.includes(METHOD)) return text
  const place = progressTokenIn(text)
  return place === undefined || token === undefined ? undefined : withValue(text, place, token)
}
