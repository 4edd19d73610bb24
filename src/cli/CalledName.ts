/** What a name stands for, by the naming rules of a manifest alone: `server/name`, or a public name with its prefix. */
import type { Manifest } from "../manifest/Manifest.ts"
import { nearest } from "../manifest/Nearest.ts"
import { prefixOf } from "../reconcile/Wanted.ts"

export interface Called {
  readonly server: string
  /** As the server calls it. */
  readonly name: string
}

/** What it stands for, or why that cannot be told. */
export const calledBy = ({ aggregation, servers }: Manifest, text: string): Called | string => {
  const ids = servers.map(({ id }) => id)
  const slash = text.indexOf("/")
  if (slash !== -1) {
    const server = text.slice(0, slash)
    if (ids.includes(server)) return { server, name: text.slice(slash + 1) }
    const meant = nearest(server, ids)
    return `There is no server "${server}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`
  }
  const prefixes = servers.map((entry) => ({ server: entry.id, prefix: prefixOf(entry, aggregation.prefix) }))
  const prefixed = prefixes.flatMap(({ prefix: { mode, text: own }, server }) => {
    const start = `${own}${aggregation.separator}`
    return mode !== "never" && text.startsWith(start) ? [{ server, name: text.slice(start.length) }] : []
  })
  // A tool whose own name begins like another server's prefix is not what somebody means.
  const bare = prefixed.length > 0 ? [] : prefixes.flatMap(({ prefix: { mode }, server }) => mode === "always" ? [] : [{ server, name: text }])
  const [first, ...others] = [...prefixed, ...bare]
  if (first === undefined) return `"${text}" begins with no server's prefix: write SERVER/NAME`
  if (others.length === 0) return first
  const choices = [first, ...others].map(({ name, server }) => `${server}/${name}`)
  return `"${text}" can be of more than one server: write ${choices.join(" or ")}`
}
