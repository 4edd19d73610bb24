/**
 * The pages that a tool names for hosts of MCP Apps (ext-apps, "Resource Discovery"). A server
 * need not list them, so the tool is the only place that says whose they are.
 */
import { type Member, members, membersOf } from "../lib/Json.ts"

/** A `ui://` address in the text of a tool. */
export interface AppPage {
  readonly uri: string
  readonly place: Member
}

/** Members of `_meta` that hold the address itself: the deprecated flat one, and that of the Apps SDK. */
const FLAT = new Set(["ui/resourceUri", "openai/outputTemplate"])

/** In the order in which they are written. */
export const appPagesOf = (text: string): ReadonlyArray<AppPage> => {
  const named = membersOf(text, members(text) ?? [], "_meta").flatMap((member) => {
    if (FLAT.has(member.key)) return [member]
    return member.key === "ui" ? (members(text, member.start) ?? []).filter(({ key }) => key === "resourceUri") : []
  })
  return named.flatMap((place) => {
    const uri = addressAt(text, place)
    return uri === undefined ? [] : [{ uri, place }]
  })
}

const addressAt = (text: string, { end, start }: Member): string | undefined => {
  const value: unknown = JSON.parse(text.slice(start, end))
  return typeof value === "string" && /^ui:\/\/[^\p{Cc}\s]{1,8192}$/u.test(value) ? value : undefined
}
