/** The notification about a task as one listener gets it: its own id of the task and of the listen, the rest as the server wrote it. */
import { META } from "../backend/Era.ts"
import { type Member, members, membersOf } from "../lib/Json.ts"

/** @param subscription JSON text of the listener's own id */
export const taskNotice = (text: string, publicId: string, subscription: string): string => {
  const own = members(text) ?? []
  const parts = membersOf(text, own, "params")
  const kept = membersOf(text, parts, "_meta").filter(({ key }) => key !== META.subscription)
  const written = ({ at, end }: Member) => text.slice(at, end)
  const inside = [`"_meta":{${[`${JSON.stringify(META.subscription)}:${subscription}`, ...kept.map(written)].join(",")}}`]
  for (const member of parts) {
    if (member.key !== "_meta") inside.push(member.key === "taskId" ? `"taskId":${JSON.stringify(publicId)}` : written(member))
  }
  const method = own.find(({ key }) => key === "method")
  return `{"jsonrpc":"2.0",${method === undefined ? "" : written(method)},"params":{${inside.join(",")}}}`
}
