/** Progress notifications: the token in them, which each side has its own of. */
import { type Member, members, withValue } from "../lib/Json.ts"

const METHOD = "\"notifications/progress\""

/** Where the token stands in a progress notification. */
export const progressTokenIn = (text: string): Member | undefined => {
  const params = members(text)?.find((member) => member.key === "params")
  return params && members(text, params.start)?.find((member) => member.key === "progressToken")
}

/** A notification with another token, as JSON text; `undefined` for progress that nobody asked for. */
export const withProgressToken = (text: string, token: string | undefined): string | undefined => {
  if (!text.includes(METHOD)) return text
  const place = progressTokenIn(text)
  return place === undefined || token === undefined ? undefined : withValue(text, place, token)
}
